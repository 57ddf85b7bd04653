# DBD::mysql and DBD::MariaDB, with parameters put into the text (emulated) or prepared on the server (native).
use strict;
use warnings;
use DBI;
use Digest::SHA qw(sha1_hex);
use JSON::PP;

my ($module, $way) = split /-/, $ENV{DRIVER_VARIANT};
my $prefix = $module eq 'MariaDB' ? 'mariadb' : 'mysql';
my $json = JSON::PP->new->canonical->ascii->allow_nonref;
$| = 1;

sub connect_as {
    my ($user, $password, $database, $options) = @_;
    my %wanted = map { $_ => 1 } split /,/, $options;
    my $dsn = "DBI:$module:host=$ENV{DRIVER_HOST};port=$ENV{DRIVER_PORT}";
    $dsn .= ";database=$database" if $database ne '';
    $dsn .= ";${prefix}_server_prepare=" . ($way eq 'native' && !$wanted{text} ? 1 : 0);
    $dsn .= ";${prefix}_client_found_rows=" . ($wanted{found} ? 1 : 0);
    $dsn .= ";${prefix}_local_infile=1"       if $wanted{local};
    $dsn .= ";${prefix}_multi_statements=1"   if $wanted{multi};
    $dsn .= ";${prefix}_ssl=1;${prefix}_ssl_ca_file=$ENV{DRIVER_CA}" if $ENV{DRIVER_CA};
    # Against MariaDB's client library DBD::mysql cannot insist on TLS.
    $dsn .= ';mysql_ssl_optional=1' if $ENV{DRIVER_CA} && $prefix eq 'mysql';
    my %more = (RaiseError => 1, PrintError => 0, AutoCommit => 1);
    $more{mysql_enable_utf8mb4} = 1 if $prefix eq 'mysql';
    return DBI->connect($dsn, $user, $password, \%more);
}

sub all_of {
    my ($sth, $is_single) = @_;
    my @found;
    do {
        if ($sth->{NUM_OF_FIELDS}) {
            my $columns = [map { "$sth->{NAME}[$_] $sth->{TYPE}[$_]" } 0 .. $sth->{NUM_OF_FIELDS} - 1];
            push @found, { columns => $columns, rows => shown($sth->fetchall_arrayref) };
        }
        else {
            push @found, { affected => $sth->rows, id => $sth->{"${prefix}_insertid"} };
        }
    } while (!$is_single && $sth->more_results);
    return \@found;
}

sub parameter_of {
    my ($text) = @_;
    my ($kind, $value) = (substr($text, 0, 1), substr($text, 2));
    return undef              if $kind eq 'n';
    return $value + 0         if $kind eq 'i' || $kind eq 'd';
    return pack('H*', $value) if $kind eq 'x';
    return 'x' x $value       if $kind eq 'S';
    utf8::decode($value);
    return $value;
}

sub run {
    my ($dbh, $sql, @parameters) = @_;
    my $sth = $dbh->prepare($sql);
    my $at = 0;
    for my $text (@parameters) {
        my $kind = substr($text, 0, 1);
        my $type = $kind eq 'i' ? DBI::SQL_INTEGER() : $kind eq 'x' ? DBI::SQL_BINARY() : DBI::SQL_VARCHAR();
        $sth->bind_param(++$at, parameter_of($text), $type);
    }
    $sth->execute;
    # DBD::MariaDB refuses to look for a second result of a statement that the server has prepared.
    return all_of($sth, $way eq 'native' && $module eq 'MariaDB');
}

sub repeat {
    my ($dbh, $times, $sql) = @_;
    my $sth = $dbh->prepare($sql);
    my @all;
    for my $i (0 .. $times - 1) {
        $sth->bind_param(1, $i, DBI::SQL_INTEGER());
        $sth->execute;
        push @all, $sth->{NUM_OF_FIELDS} ? $sth->fetchall_arrayref : $sth->{"${prefix}_insertid"};
    }
    return \@all;
}

sub many {
    my ($dbh, $count) = @_;
    my @statements = map { $dbh->prepare("SELECT ? + $_ AS v") } 0 .. $count - 1;
    return [map { $_->execute(1); $_->fetchall_arrayref } @statements];
}

# One thread: the connections take turns. Prepared statements would keep a backend for each.
sub pool {
    my ($workers, $rounds, @login) = @_;
    my @handles = map { connect_as(@login, 'text') } 1 .. $workers;
    my $done = 0;
    for (1 .. $rounds) {
        for my $dbh (@handles) {
            $dbh->do('UPDATE tally SET n = n + 1 WHERE id = 1');
            $dbh->selectall_arrayref('SELECT SLEEP(0.001)');
            $done++;
        }
    }
    $_->disconnect for @handles;
    return $done;
}

sub shown {
    my ($value) = @_;
    if (ref $value eq 'ARRAY') {
        my @each = map { shown($_) } @$value;
        return \@each if @each <= 50;
        return { count => scalar @each, all => sha1_hex($json->encode(\@each)) };
    }
    if (ref $value eq 'HASH') {
        return { map { $_ => shown($value->{$_}) } keys %$value };
    }
    return $value if !defined $value || length $value <= 256;
    my $bytes = $value;
    utf8::encode($bytes) if utf8::is_utf8($bytes);
    return 'text ' . length($value) . ' ' . sha1_hex($bytes);
}

sub say_it {
    my ($dbh, $op, @args) = @_;
    if ($op eq 'query' || $op eq 'load') {
        # Not everything can be prepared.
        my $sth = $dbh->prepare($args[0], { "${prefix}_server_prepare" => 0 });
        $sth->execute;
        return all_of($sth);
    }
    return run($dbh, @args)    if $op eq 'run';
    return repeat($dbh, @args) if $op eq 'repeat';
    return many($dbh, @args)   if $op eq 'many';
    if ($op eq 'sleep') {
        show({ sleeping => $dbh->{"${prefix}_thread_id"} || $dbh->{thread_id} });
        return $dbh->selectall_arrayref($args[0]);
    }
    if ($op eq 'begin')    { $dbh->begin_work; return $op }
    if ($op eq 'commit')   { $dbh->commit;     return $op }
    if ($op eq 'rollback') { $dbh->rollback;   return $op }
    if ($op eq 'ping')     { return $dbh->ping ? $op : die "no ping\n" }
    die "unsupported\n";
}

sub show { print $json->encode($_[0]), "\n" }

my %handles;
open my $steps, '<', $ARGV[0] or die "$ARGV[0]: $!";
while (my $line = <$steps>) {
    chomp $line;
    my ($op, @args) = map { my $field = $_; $field =~ s/%([0-9A-F]{2})/chr hex $1/gei; $field } split /\t/, $line, -1;
    if ($op eq 'case') {
        $_->disconnect for values %handles;
        %handles = ();
        show({ case => $args[0] });
        next;
    }
    my $result = eval {
        if ($op eq 'open') {
            my $old = delete $handles{ $args[0] };
            $old->disconnect if $old;
            $handles{ $args[0] } = connect_as(@args[1 .. 4]);
            return [$op];
        }
        if ($op eq 'close') {
            my $old = delete $handles{ $args[0] } || die "not connected\n";
            $old->disconnect;
            return [$op];
        }
        return [pool(@args)] if $op eq 'pool';
        my $name = shift @args;
        return [say_it($handles{$name} || die("not connected\n"), $op, @args)];
    };
    if ($result) { show({ result => shown($result) }) }
    elsif ($@ =~ /^unsupported/) { show({ unsupported => $op }) }
    else {
        my $said = $DBI::err ? $DBI::errstr : $@;
        $said =~ s/ at \S+ line \d+.*//s;
        show({ error => [$DBI::err, $DBI::state, $said] });
    }
}
$_->disconnect for values %handles;

<?php
// PDO and mysqli, with parameters put into the text (emulated) or prepared on the server (native).
declare(strict_types=1);

const LONG = 256;
[$api, $way] = explode('-', getenv('DRIVER_VARIANT'));
$host = getenv('DRIVER_HOST');
$port = (int) getenv('DRIVER_PORT');
$ca = getenv('DRIVER_CA') ?: null;
ini_set('memory_limit', '1G');
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

final class Unsupported extends Exception
{
}

final class PdoTalker
{
    private PDO $pdo;

    public function __construct(string $user, string $password, string $database, array $options)
    {
        global $host, $port, $ca, $way;
        $charset = in_array('latin1', $options, true) ? 'latin1' : 'utf8mb4';
        $dsn = "mysql:host=$host;port=$port;charset=$charset" . ($database === '' ? '' : ";dbname=$database");
        $this->pdo = new PDO($dsn, $user, $password, [
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_EMULATE_PREPARES => $way === 'emulated',
            PDO::MYSQL_ATTR_FOUND_ROWS => in_array('found', $options, true),
            PDO::MYSQL_ATTR_LOCAL_INFILE => in_array('local', $options, true),
            PDO::MYSQL_ATTR_MULTI_STATEMENTS => in_array('multi', $options, true),
        ] + ($ca === null ? [] : [PDO::MYSQL_ATTR_SSL_CA => $ca]));
    }

    public function threadId(): int
    {
        throw new Unsupported();
    }

    public function query(string $sql): array
    {
        return $this->allOf($this->pdo->query($sql));
    }

    public function run(string $sql, array $parameters): array
    {
        $statement = $this->pdo->prepare($sql);
        foreach ($parameters as $i => [$kind, $value]) {
            $type = ['i' => PDO::PARAM_INT, 'x' => PDO::PARAM_LOB, 'n' => PDO::PARAM_NULL][$kind] ?? PDO::PARAM_STR;
            $statement->bindValue($i + 1, $kind === 'd' ? (string) $value : $value, $type);
        }
        $statement->execute();
        return $this->allOf($statement);
    }

    public function many(int $count): array
    {
        $statements = [];
        for ($i = 0; $i < $count; $i++) {
            $statements[] = $this->pdo->prepare("SELECT ? + $i AS v");
        }
        $all = [];
        foreach ($statements as $statement) {
            $statement->execute([1]);
            $all[] = $statement->fetchAll(PDO::FETCH_NUM);
        }
        return $all;
    }

    public function repeat(int $times, string $sql): array
    {
        $statement = $this->pdo->prepare($sql);
        $all = [];
        for ($i = 0; $i < $times; $i++) {
            $statement->bindValue(1, $i, PDO::PARAM_INT);
            $statement->execute();
            $all[] = $statement->columnCount() > 0 ? $statement->fetchAll(PDO::FETCH_NUM) : $statement->rowCount();
        }
        return $all;
    }

    public function begin(): void
    {
        $this->pdo->beginTransaction();
    }

    public function commit(): void
    {
        $this->pdo->commit();
    }

    public function rollback(): void
    {
        $this->pdo->rollBack();
    }

    public function ping(): void
    {
        throw new Unsupported();
    }

    public function user(string $user, string $password, string $database): void
    {
        throw new Unsupported();
    }

    private function allOf(PDOStatement $statement): array
    {
        $found = [];
        do {
            if ($statement->columnCount() > 0) {
                $columns = [];
                for ($i = 0; $i < $statement->columnCount(); $i++) {
                    $meta = $statement->getColumnMeta($i);
                    $columns[] = [$meta['name'], $meta['native_type'] ?? null, $meta['flags'], $meta['len']];
                }
                $found[] = ['columns' => $columns, 'rows' => $statement->fetchAll(PDO::FETCH_NUM)];
            } else {
                $found[] = ['affected' => $statement->rowCount(), 'id' => $this->pdo->lastInsertId()];
            }
        } while ($statement->nextRowset());
        return $found;
    }
}

final class MysqliTalker
{
    private mysqli $db;

    public function __construct(string $user, string $password, string $database, array $options)
    {
        global $host, $port, $ca;
        $this->db = mysqli_init();
        $flags = in_array('found', $options, true) ? MYSQLI_CLIENT_FOUND_ROWS : 0;
        $this->db->options(MYSQLI_OPT_LOCAL_INFILE, in_array('local', $options, true));
        $this->db->options(MYSQLI_OPT_INT_AND_FLOAT_NATIVE, true);
        if ($ca !== null) {
            $this->db->ssl_set(null, null, $ca, null, null);
            $flags |= MYSQLI_CLIENT_SSL;
        }
        $this->db->real_connect($host, $user, $password, $database === '' ? null : $database, $port, null, $flags);
        $this->db->set_charset(in_array('latin1', $options, true) ? 'latin1' : 'utf8mb4');
    }

    public function threadId(): int
    {
        return $this->db->thread_id;
    }

    public function query(string $sql): array
    {
        $this->db->multi_query($sql);
        $found = [];
        do {
            $result = $this->db->store_result();
            $found[] = $result === false
                ? [
                    'affected' => $this->db->affected_rows,
                    'id' => $this->db->insert_id,
                    'info' => $this->db->info,
                    'warnings' => $this->db->warning_count,
                ]
                : $this->rowsOf($result);
        } while ($this->db->next_result());
        return $found;
    }

    public function run(string $sql, array $parameters): array
    {
        $statement = $this->db->prepare($sql);
        $values = array_column($parameters, 1);
        $statement->execute($parameters === [] ? null : $values);
        $found = [];
        do {
            $result = $statement->get_result();
            $found[] = $result === false
                ? ['affected' => $statement->affected_rows, 'id' => $statement->insert_id]
                : $this->rowsOf($result);
        } while ($statement->more_results() && $statement->next_result());
        $statement->close();
        return $found;
    }

    public function many(int $count): array
    {
        $statements = [];
        for ($i = 0; $i < $count; $i++) {
            $statements[] = $this->db->prepare("SELECT ? + $i AS v");
        }
        $all = [];
        foreach ($statements as $statement) {
            $statement->execute([1]);
            $all[] = $statement->get_result()->fetch_all();
            $statement->close();
        }
        return $all;
    }

    public function repeat(int $times, string $sql): array
    {
        $statement = $this->db->prepare($sql);
        $all = [];
        for ($i = 0; $i < $times; $i++) {
            $statement->execute([$i]);
            $result = $statement->get_result();
            $all[] = $result === false ? $statement->insert_id : $result->fetch_all();
        }
        $statement->close();
        return $all;
    }

    public function begin(): void
    {
        $this->db->begin_transaction();
    }

    public function commit(): void
    {
        $this->db->commit();
    }

    public function rollback(): void
    {
        $this->db->rollback();
    }

    public function ping(): void
    {
        $this->db->ping();
    }

    public function user(string $user, string $password, string $database): void
    {
        $this->db->change_user($user, $password, $database);
    }

    private function rowsOf(mysqli_result $result): array
    {
        $columns = array_map(
            fn ($field) => [$field->name, $field->table, $field->type, $field->flags, $field->charsetnr],
            $result->fetch_fields(),
        );
        return ['columns' => $columns, 'rows' => $result->fetch_all()];
    }
}

function connect(string $user, string $password, string $database, array $options): object
{
    global $api;
    return $api === 'pdo'
        ? new PdoTalker($user, $password, $database, $options)
        : new MysqliTalker($user, $password, $database, $options);
}

function shown(mixed $value): mixed
{
    if (is_array($value)) {
        $each = array_map('shown', $value);
        return count($each) > 50 ? ['count' => count($each), 'all' => sha1(serialize($each))] : $each;
    }
    if (!is_string($value)) {
        return $value;
    }
    if (strlen($value) > LONG) {
        return 'text ' . strlen($value) . ' ' . sha1($value);
    }
    return mb_or_hex($value);
}

function mb_or_hex(string $value): string
{
    return preg_match('//u', $value) === 1 ? $value : 'bytes ' . bin2hex($value);
}

function parameterOf(string $text): array
{
    $value = substr($text, 2);
    return [$text[0], match ($text[0]) {
        'i' => (int) $value,
        'd' => (float) $value,
        'x' => hex2bin($value),
        'S' => str_repeat('x', (int) $value),
        'n' => null,
        default => $value,
    }];
}

function pool(int $workers, int $rounds, string $user, string $password, string $database): int
{
    // One thread: the connections take turns.
    $talkers = [];
    for ($i = 0; $i < $workers; $i++) {
        $talkers[] = connect($user, $password, $database, []);
    }
    $done = 0;
    for ($round = 0; $round < $rounds; $round++) {
        foreach ($talkers as $talker) {
            $talker->query('UPDATE tally SET n = n + 1 WHERE id = 1');
            $talker->query('SELECT SLEEP(0.001)');
            $done++;
        }
    }
    return $done;
}

function say(object $talker, string $op, array $args): mixed
{
    switch ($op) {
        case 'query':
        case 'load':
            return $talker->query($args[0]);
        case 'run':
            return $talker->run($args[0], array_map('parameterOf', array_slice($args, 1)));
        case 'sleep':
            show(['sleeping' => $talker->threadId()]);
            return $talker->query($args[0]);
        case 'repeat':
            return $talker->repeat((int) $args[0], $args[1]);
        case 'many':
            return $talker->many((int) $args[0]);
        case 'begin':
        case 'commit':
        case 'rollback':
        case 'ping':
            $talker->$op();
            return $op;
        case 'user':
            $talker->user(...$args);
            return $op;
        default:
            throw new Unsupported();
    }
}

function show(array $value): void
{
    echo json_encode($value, JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR), "\n";
    flush();
}

$talkers = [];
foreach (file($argv[1], FILE_IGNORE_NEW_LINES) as $line) {
    $fields = array_map('rawurldecode', explode("\t", $line));
    $op = array_shift($fields);
    if ($op === 'case') {
        $talkers = [];
        gc_collect_cycles();
        show(['case' => $fields[0]]);
        continue;
    }
    try {
        if ($op === 'open') {
            unset($talkers[$fields[0]]);
            $talkers[$fields[0]] = connect($fields[1], $fields[2], $fields[3], explode(',', $fields[4]));
            $result = $op;
        } elseif ($op === 'close') {
            unset($talkers[$fields[0]]);
            $result = $op;
        } elseif ($op === 'pool') {
            $result = pool((int) $fields[0], (int) $fields[1], $fields[2], $fields[3], $fields[4]);
        } else {
            $name = array_shift($fields);
            $result = say($talkers[$name] ?? throw new Error('not connected'), $op, $fields);
        }
        show(['result' => shown($result)]);
    } catch (Unsupported) {
        show(['unsupported' => $op]);
    } catch (Throwable $error) {
        $state = $error instanceof mysqli_sql_exception ? $error->getSqlState() : null;
        show(['error' => [get_class($error), $error->getCode(), $state, mb_or_hex($error->getMessage())]]);
    }
}

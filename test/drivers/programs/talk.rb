# The mysql2 gem: text, or statements prepared on the server.
require 'digest'
require 'json'
require 'mysql2'
require 'uri'

NATIVE = ENV['DRIVER_VARIANT'] == 'native'

class Unsupported < StandardError
end

def connect(user, password, database, options)
  flags = []
  flags << 'MULTI_STATEMENTS' if options.include?('multi')
  flags << (options.include?('found') ? 'FOUND_ROWS' : '-FOUND_ROWS')
  wanted = {
    host: ENV['DRIVER_HOST'], port: ENV['DRIVER_PORT'].to_i, username: user, password: password, flags: flags,
    encoding: options.include?('latin1') ? 'latin1' : 'utf8mb4', local_infile: options.include?('local'),
    database_timezone: :utc, cast: true
  }
  wanted[:database] = database unless database.empty?
  wanted[:sslca] = ENV['DRIVER_CA'] unless ENV['DRIVER_CA'].to_s.empty?
  Mysql2::Client.new(wanted)
end

def all_of(client, result)
  found = [one_of(client, result)]
  while client.next_result
    found << one_of(client, client.store_result)
  end
  found
end

def one_of(client, result)
  return { affected: client.affected_rows, id: client.last_id } if result.nil?

  { columns: result.fields, rows: result.map(&:values) }
end

def shown(value)
  case value
  when Array
    each = value.map { |one| shown(one) }
    each.size > 50 ? { count: each.size, all: Digest::SHA1.hexdigest(each.to_json) } : each
  when Hash then value.transform_values { |one| shown(one) }
  when String
    if value.bytesize > 256 then "text #{value.bytesize} #{Digest::SHA1.hexdigest(value)}"
    elsif value.encoding == Encoding::BINARY || !value.valid_encoding? then "bytes #{value.unpack1('H*')}"
    else value.encode('UTF-8')
    end
  when nil, Integer, true, false then value
  else "#{value.class} #{value.inspect}"
  end
end

def parameter_of(text)
  value = text[2..]
  case text[0]
  when 'i' then value.to_i
  when 'd' then value.to_f
  when 'x' then [value].pack('H*')
  when 'S' then 'x' * value.to_i
  when 'n' then nil
  else value
  end
end

def literal(client, value)
  case value
  when nil then 'NULL'
  when Numeric then value.to_s
  else value.encoding == Encoding::BINARY ? "x'#{value.unpack1('H*')}'" : "'#{client.escape(value)}'"
  end
end

def run(client, sql, parameters)
  if NATIVE
    statement = client.prepare(sql)
    result = statement.execute(*parameters)
    found = result.nil? ? { affected: statement.affected_rows, id: statement.last_id } : one_of(client, result)
    # More result sets of a CALL end the statement; the rest is read off.
    client.abandon_results! if sql.start_with?('CALL')
    statement.close
    return [found]
  end
  all_of(client, client.query(sql.gsub('?') { literal(client, parameters.shift) }))
end

def many(client, count)
  raise Unsupported unless NATIVE

  statements = (0...count).map { |i| client.prepare("SELECT ? + #{i} AS v") }
  statements.map { |statement| statement.execute(1).map(&:values) }
end

def pool(workers, rounds, user, password, database)
  done = Queue.new
  threads = (1..workers.to_i).map do
    Thread.new do
      client = connect(user, password, database, [])
      rounds.to_i.times do
        client.query('UPDATE tally SET n = n + 1 WHERE id = 1')
        client.query('SELECT SLEEP(0.001)')
        done << 1
      end
      client.close
    end
  end
  threads.each(&:join)
  done.size
end

def say(client, operation, args)
  case operation
  when 'query', 'load' then all_of(client, client.query(args[0]))
  when 'run' then run(client, args[0], args[1..].map { |text| parameter_of(text) })
  when 'repeat' then (0...args[0].to_i).map { |i| run(client, args[1], [i]) }
  when 'many' then many(client, args[0].to_i)
  when 'sleep'
    show(sleeping: client.thread_id)
    all_of(client, client.query(args[0]))
  when 'begin' then client.query('BEGIN') && operation || operation
  when 'commit' then client.query('COMMIT') && operation || operation
  when 'rollback' then client.query('ROLLBACK') && operation || operation
  when 'ping' then client.ping
  else raise Unsupported
  end
end

def show(value)
  puts JSON.generate(value)
  $stdout.flush
end

clients = {}
File.foreach(ARGV[0], chomp: true) do |line|
  op, *args = line.split("\t", -1).map { |field| URI.decode_www_form_component(field.gsub('+', '%2B')) }
  if op == 'case'
    clients.each_value(&:close)
    clients.clear
    show(case: args[0])
    next
  end
  begin
    result =
      case op
      when 'open'
        clients.delete(args[0])&.close
        clients[args[0]] = connect(args[1], args[2], args[3], args[4].split(','))
        op
      when 'close'
        clients.delete(args[0]).close
        op
      when 'pool' then pool(*args)
      else say(clients[args[0]] || raise('not connected'), op, args[1..])
      end
    show(result: shown(result))
  rescue Unsupported
    show(unsupported: op)
  rescue StandardError => e
    number = e.respond_to?(:error_number) ? e.error_number : nil
    state = e.respond_to?(:sql_state) ? e.sql_state : nil
    show(error: [e.class.name, number, state, e.message])
  end
end

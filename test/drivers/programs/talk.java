import java.io.IOException;
import java.math.BigInteger;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** MariaDB Connector/J: parameters put into the text, or prepared on the server (native). */
class Talk {
    static final class Unsupported extends Exception {
    }

    static final int LONG = 256;
    static final boolean NATIVE = "native".equals(System.getenv("DRIVER_VARIANT"));

    static Connection open(String user, String password, String database, String options) throws SQLException {
        List<String> wanted = Arrays.asList(options.split(","));
        StringBuilder url = new StringBuilder("jdbc:mariadb://")
                .append(System.getenv("DRIVER_HOST")).append(':').append(System.getenv("DRIVER_PORT"))
                .append('/').append(database).append("?allowPublicKeyRetrieval=true");
        String ca = System.getenv("DRIVER_CA");
        if (ca != null && !ca.isEmpty()) url.append("&useSsl=true&serverSslCert=").append(ca);
        if (wanted.contains("multi")) url.append("&allowMultiQueries=true");
        if (wanted.contains("local")) url.append("&allowLocalInfile=true");
        url.append("&useAffectedRows=").append(!wanted.contains("found"));
        url.append("&useServerPrepStmts=").append(NATIVE);
        return DriverManager.getConnection(url.toString(), user, password);
    }

    static String allOf(Statement statement, boolean isRows) throws Exception {
        List<String> found = new ArrayList<>();
        boolean rows = isRows;
        int affected = statement.getUpdateCount();
        while (rows || affected != -1) {
            if (rows) found.add(rowsOf(statement.getResultSet()));
            else found.add("{\"affected\":" + affected + ",\"keys\":" + rowsOf(statement.getGeneratedKeys()) + "}");
            rows = statement.getMoreResults();
            affected = statement.getUpdateCount();
        }
        return "[" + String.join(",", found) + "]";
    }

    static String rowsOf(ResultSet result) throws Exception {
        ResultSetMetaData meta = result.getMetaData();
        List<String> columns = new ArrayList<>();
        for (int i = 1; i <= meta.getColumnCount(); i++) {
            columns.add(text(meta.getColumnLabel(i) + " " + meta.getColumnTypeName(i) + " " + meta.getColumnClassName(i)));
        }
        List<String> rows = new ArrayList<>();
        while (result.next()) {
            List<String> row = new ArrayList<>();
            for (int i = 1; i <= columns.size(); i++) row.add(shown(result.getObject(i)));
            rows.add("[" + String.join(",", row) + "]");
        }
        return "{\"columns\":[" + String.join(",", columns) + "],\"rows\":" + list(rows) + "}";
    }

    static String list(List<String> each) throws Exception {
        String all = "[" + String.join(",", each) + "]";
        return each.size() <= 50 ? all : text(each.size() + " rows " + digest(all.getBytes(StandardCharsets.UTF_8)));
    }

    static String shown(Object value) throws Exception {
        if (value == null) return "null";
        if (value instanceof byte[] bytes) {
            return text("bytes " + bytes.length + " "
                    + (bytes.length > LONG ? digest(bytes) : new BigInteger(1, bytes).toString(16)));
        }
        String said = value.toString();
        if (said.length() > LONG) said = said.length() + " " + digest(said.getBytes(StandardCharsets.UTF_8));
        return text(value.getClass().getSimpleName() + " " + said);
    }

    static String digest(byte[] bytes) throws Exception {
        return new BigInteger(1, MessageDigest.getInstance("SHA-1").digest(bytes)).toString(16);
    }

    static String text(String value) {
        StringBuilder json = new StringBuilder("\"");
        for (char each : value.toCharArray()) {
            if (each == '"' || each == '\\') json.append('\\').append(each);
            else if (each < 32 || each > 126) json.append(String.format("\\u%04x", (int) each));
            else json.append(each);
        }
        return json.append('"').toString();
    }

    static void bind(PreparedStatement statement, String[] parameters) throws SQLException {
        for (int i = 0; i < parameters.length; i++) {
            String value = parameters[i].substring(2);
            switch (parameters[i].charAt(0)) {
                case 'i' -> statement.setLong(i + 1, Long.parseLong(value));
                case 'd' -> statement.setDouble(i + 1, Double.parseDouble(value));
                case 'x' -> statement.setBytes(i + 1, bytesOf(value));
                case 'S' -> statement.setString(i + 1, "x".repeat(Integer.parseInt(value)));
                case 'n' -> statement.setNull(i + 1, java.sql.Types.NULL);
                default -> statement.setString(i + 1, value);
            }
        }
    }

    static byte[] bytesOf(String hex) {
        byte[] bytes = new byte[hex.length() / 2];
        for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
        return bytes;
    }

    static String query(Connection connection, String sql) throws Exception {
        try (Statement statement = connection.createStatement()) {
            return allOf(statement, statement.execute(sql, Statement.RETURN_GENERATED_KEYS));
        }
    }

    static String run(Connection connection, String sql, String[] parameters) throws Exception {
        try (PreparedStatement statement = connection.prepareStatement(sql, Statement.RETURN_GENERATED_KEYS)) {
            bind(statement, parameters);
            return allOf(statement, statement.execute());
        }
    }

    static String repeat(Connection connection, int times, String sql) throws Exception {
        List<String> all = new ArrayList<>();
        try (PreparedStatement statement = connection.prepareStatement(sql, Statement.RETURN_GENERATED_KEYS)) {
            for (int i = 0; i < times; i++) {
                statement.setInt(1, i);
                all.add(allOf(statement, statement.execute()));
            }
        }
        return list(all);
    }

    static String many(Connection connection, int count) throws Exception {
        List<PreparedStatement> statements = new ArrayList<>();
        for (int i = 0; i < count; i++) statements.add(connection.prepareStatement("SELECT ? + " + i + " AS v"));
        List<String> all = new ArrayList<>();
        for (PreparedStatement statement : statements) {
            statement.setInt(1, 1);
            all.add(rowsOf(statement.executeQuery()));
            statement.close();
        }
        return list(all);
    }

    static String batch(Connection connection, String sql, int rows) throws Exception {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < rows; i++) {
                statement.setInt(1, i);
                statement.addBatch();
            }
            return String.valueOf(Arrays.stream(statement.executeBatch()).map(n -> n == Statement.SUCCESS_NO_INFO ? 1 : n).sum());
        }
    }

    static String pool(String[] args) throws Exception {
        int workers = Integer.parseInt(args[0]);
        int rounds = Integer.parseInt(args[1]);
        ExecutorService threads = Executors.newFixedThreadPool(workers);
        List<Callable<Integer>> works = new ArrayList<>();
        for (int i = 0; i < workers; i++) {
            works.add(() -> {
                try (Connection connection = open(args[2], args[3], args[4], "")) {
                    for (int round = 0; round < rounds; round++) {
                        query(connection, "UPDATE tally SET n = n + 1 WHERE id = 1");
                        query(connection, "SELECT SLEEP(0.001)");
                    }
                    return rounds;
                }
            });
        }
        int done = 0;
        try {
            for (Future<Integer> each : threads.invokeAll(works)) done += each.get();
        } finally {
            threads.shutdown();
        }
        return String.valueOf(done);
    }

    static String say(Connection connection, String op, String[] args) throws Exception {
        switch (op) {
            case "query":
            case "load":
                return query(connection, args[0]);
            case "run":
                return run(connection, args[0], Arrays.copyOfRange(args, 1, args.length));
            case "repeat":
                return repeat(connection, Integer.parseInt(args[0]), args[1]);
            case "many":
                return many(connection, Integer.parseInt(args[0]));
            case "batch":
                return batch(connection, args[0], Integer.parseInt(args[1]));
            case "begin":
                connection.setAutoCommit(false);
                return "1";
            case "commit":
                connection.commit();
                connection.setAutoCommit(true);
                return "1";
            case "rollback":
                connection.rollback();
                connection.setAutoCommit(true);
                return "1";
            case "ping":
                return String.valueOf(connection.isValid(30));
            case "sleep":
                // Its timer sends KILL QUERY over a connection of its own.
                try (Statement statement = connection.createStatement()) {
                    statement.setQueryTimeout(2);
                    return allOf(statement, statement.execute(args[0]));
                }
            default:
                throw new Unsupported();
        }
    }

    static String step(Map<String, Connection> connections, String op, String[] args) throws Exception {
        if (op.equals("pool")) return pool(args);
        if (op.equals("open")) {
            Connection old = connections.remove(args[0]);
            if (old != null) old.close();
            // The driver chooses the character set, whatever anybody wishes.
            connections.put(args[0], open(args[1], args[2], args[3], args[4]));
            return "1";
        }
        Connection connection = connections.get(args[0]);
        if (connection == null) throw new IOException("not connected");
        if (op.equals("close")) {
            connections.remove(args[0]).close();
            return "1";
        }
        return say(connection, op, Arrays.copyOfRange(args, 1, args.length));
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, Connection> connections = new HashMap<>();
        for (String line : Files.readAllLines(Path.of(arguments[0]))) {
            String[] fields = line.split("\t", -1);
            for (int i = 0; i < fields.length; i++) {
                fields[i] = URLDecoder.decode(fields[i].replace("+", "%2B"), StandardCharsets.UTF_8);
            }
            String op = fields[0];
            String[] args = Arrays.copyOfRange(fields, 1, fields.length);
            if (op.equals("case")) {
                for (Connection each : connections.values()) each.close();
                connections.clear();
                System.out.println("{\"case\":" + text(args[0]) + "}");
                continue;
            }
            try {
                System.out.println("{\"result\":" + step(connections, op, args) + "}");
            } catch (Unsupported none) {
                System.out.println("{\"unsupported\":" + text(op) + "}");
            } catch (SQLException error) {
                System.out.println("{\"error\":[" + error.getErrorCode() + "," + text(String.valueOf(error.getSQLState()))
                        + "," + text(String.valueOf(error.getMessage())) + "]}");
            } catch (Exception error) {
                System.out.println("{\"error\":" + text(error.toString()) + "}");
            }
        }
        for (Connection each : connections.values()) each.close();
    }
}

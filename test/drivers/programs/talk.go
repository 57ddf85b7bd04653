// go-sql-driver: arguments are prepared on the server, or put into the text (interpolated).
package main

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-sql-driver/mysql"
)

const long = 256

var errUnsupported = errors.New("unsupported")

// One connection of a pool that has no other.
type talker struct {
	pool *sql.DB
	conn *sql.Conn
	tx   *sql.Tx
}

func dsn(user, password, database, options string) string {
	config := mysql.NewConfig()
	config.User, config.Passwd, config.DBName = user, password, database
	config.Net, config.Addr = "tcp", os.Getenv("DRIVER_HOST")+":"+os.Getenv("DRIVER_PORT")
	config.InterpolateParams = os.Getenv("DRIVER_VARIANT") == "interpolated"
	config.MultiStatements = strings.Contains(options, "multi")
	config.ClientFoundRows = strings.Contains(options, "found")
	config.MaxAllowedPacket = 1 << 26
	if os.Getenv("DRIVER_CA") != "" {
		config.TLSConfig = "drivers"
	}
	if strings.Contains(options, "latin1") {
		config.Params = map[string]string{"charset": "latin1"}
	}
	return config.FormatDSN()
}

func open(user, password, database, options string) (*talker, error) {
	pool, err := sql.Open("mysql", dsn(user, password, database, options))
	if err != nil {
		return nil, err
	}
	conn, err := pool.Conn(context.Background())
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &talker{pool: pool, conn: conn}, nil
}

func (t *talker) close() {
	if t.tx != nil {
		t.tx.Rollback()
	}
	t.conn.Close()
	t.pool.Close()
}

func isRead(text string) bool {
	upper := strings.ToUpper(strings.TrimSpace(text))
	for _, word := range []string{"SELECT", "SHOW", "CALL", "EXECUTE"} {
		if strings.HasPrefix(upper, word) {
			return true
		}
	}
	return false
}

func (t *talker) query(text string, arguments ...interface{}) (interface{}, error) {
	ctx := context.Background()
	if !isRead(text) {
		var result sql.Result
		var err error
		if t.tx != nil {
			result, err = t.tx.ExecContext(ctx, text, arguments...)
		} else {
			result, err = t.conn.ExecContext(ctx, text, arguments...)
		}
		if err != nil {
			return nil, err
		}
		return answer(result)
	}
	var rows *sql.Rows
	var err error
	if t.tx != nil {
		rows, err = t.tx.QueryContext(ctx, text, arguments...)
	} else {
		rows, err = t.conn.QueryContext(ctx, text, arguments...)
	}
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return allOf(rows)
}

func answer(result sql.Result) (interface{}, error) {
	affected, _ := result.RowsAffected()
	id, _ := result.LastInsertId()
	return map[string]int64{"affected": affected, "id": id}, nil
}

func allOf(rows *sql.Rows) (interface{}, error) {
	found := []interface{}{}
	for {
		types, err := rows.ColumnTypes()
		if err != nil {
			return nil, err
		}
		columns := []string{}
		for _, column := range types {
			columns = append(columns, column.Name()+" "+column.DatabaseTypeName())
		}
		list := []interface{}{}
		for rows.Next() {
			row := make([]interface{}, len(columns))
			places := make([]interface{}, len(columns))
			for i := range row {
				places[i] = &row[i]
			}
			if err := rows.Scan(places...); err != nil {
				return nil, err
			}
			for i := range row {
				row[i] = shown(row[i])
			}
			list = append(list, row)
		}
		found = append(found, map[string]interface{}{"columns": columns, "rows": shortened(list)})
		if !rows.NextResultSet() {
			return found, rows.Err()
		}
	}
}

func shown(value interface{}) interface{} {
	bytes, isBytes := value.([]byte)
	if !isBytes {
		if value == nil {
			return nil
		}
		return fmt.Sprintf("%T %v", value, value)
	}
	if len(bytes) > long {
		return fmt.Sprintf("bytes %d %x", len(bytes), sha1.Sum(bytes))
	}
	if utf8.Valid(bytes) {
		return string(bytes)
	}
	return "bytes " + hex.EncodeToString(bytes)
}

func shortened(list []interface{}) interface{} {
	if len(list) <= 50 {
		return list
	}
	text, _ := json.Marshal(list)
	return fmt.Sprintf("%d rows %x", len(list), sha1.Sum(text))
}

func argumentOf(text string) interface{} {
	value := text[2:]
	switch text[0] {
	case 'i':
		number, _ := strconv.ParseInt(value, 10, 64)
		return number
	case 'd':
		number, _ := strconv.ParseFloat(value, 64)
		return number
	case 'x':
		bytes, _ := hex.DecodeString(value)
		return bytes
	case 'S':
		count, _ := strconv.Atoi(value)
		return strings.Repeat("x", count)
	case 'n':
		return nil
	}
	return value
}

func (t *talker) say(op string, args []string) (interface{}, error) {
	ctx := context.Background()
	switch op {
	case "query":
		// This version waits for ever where a statement fails between two that do not.
		if strings.Contains(args[0], "; SELECT * FROM no_such_table;") {
			return nil, errUnsupported
		}
		return t.query(args[0])
	case "run":
		arguments := []interface{}{}
		for _, text := range args[1:] {
			arguments = append(arguments, argumentOf(text))
		}
		return t.query(args[0], arguments...)
	case "load":
		mysql.RegisterLocalFile(args[1])
		return t.query(args[0])
	case "begin":
		tx, err := t.conn.BeginTx(ctx, nil)
		t.tx = tx
		return op, err
	case "commit":
		err := t.tx.Commit()
		t.tx = nil
		return op, err
	case "rollback":
		err := t.tx.Rollback()
		t.tx = nil
		return op, err
	case "ping":
		return op, t.conn.PingContext(ctx)
	case "repeat":
		return t.repeat(args[0], args[1])
	case "many":
		return t.many(args[0])
	}
	return nil, errUnsupported
}

func (t *talker) repeat(times, text string) (interface{}, error) {
	count, _ := strconv.Atoi(times)
	statement, err := t.conn.PrepareContext(context.Background(), text)
	if err != nil {
		return nil, err
	}
	defer statement.Close()
	all := []interface{}{}
	for i := 0; i < count; i++ {
		var one interface{}
		if isRead(text) {
			rows, err := statement.Query(i)
			if err != nil {
				return nil, err
			}
			one, err = allOf(rows)
			rows.Close()
			if err != nil {
				return nil, err
			}
		} else {
			result, err := statement.Exec(i)
			if err != nil {
				return nil, err
			}
			one, _ = answer(result)
		}
		all = append(all, one)
	}
	return shortened(all), nil
}

func (t *talker) many(count string) (interface{}, error) {
	number, _ := strconv.Atoi(count)
	statements := []*sql.Stmt{}
	for i := 0; i < number; i++ {
		statement, err := t.conn.PrepareContext(context.Background(), fmt.Sprintf("SELECT ? + %d AS v", i))
		if err != nil {
			return nil, err
		}
		defer statement.Close()
		statements = append(statements, statement)
	}
	all := []interface{}{}
	for _, statement := range statements {
		rows, err := statement.Query(1)
		if err != nil {
			return nil, err
		}
		one, err := allOf(rows)
		rows.Close()
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return shortened(all), nil
}

func pool(args []string) (interface{}, error) {
	workers, _ := strconv.Atoi(args[0])
	rounds, _ := strconv.Atoi(args[1])
	db, err := sql.Open("mysql", dsn(args[2], args[3], args[4], ""))
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(workers)
	db.SetMaxIdleConns(workers)
	var group sync.WaitGroup
	failures := make(chan error, workers)
	for i := 0; i < workers; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for round := 0; round < rounds; round++ {
				if _, err := db.Exec("UPDATE tally SET n = n + 1 WHERE id = 1"); err != nil {
					failures <- err
					return
				}
			}
		}()
	}
	group.Wait()
	select {
	case err := <-failures:
		return nil, err
	default:
		return workers * rounds, nil
	}
}

func show(value map[string]interface{}) {
	text, _ := json.Marshal(value)
	fmt.Println(string(text))
}

func showAnswer(op string, result interface{}, err error) {
	if err == errUnsupported {
		show(map[string]interface{}{"unsupported": op})
	} else if err != nil {
		show(map[string]interface{}{"error": err.Error()})
	} else {
		show(map[string]interface{}{"result": result})
	}
}

func trust(file string) {
	pem, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	mysql.RegisterTLSConfig("drivers", &tls.Config{RootCAs: roots, ServerName: os.Getenv("DRIVER_HOST")})
}

func main() {
	if file := os.Getenv("DRIVER_CA"); file != "" {
		trust(file)
	}
	file, err := os.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	talkers := map[string]*talker{}
	forget := func(name string) {
		if old, known := talkers[name]; known {
			old.close()
			delete(talkers, name)
		}
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		for i, field := range fields {
			fields[i], _ = url.PathUnescape(field)
		}
		op, args := fields[0], fields[1:]
		switch op {
		case "case":
			for name := range talkers {
				forget(name)
			}
			show(map[string]interface{}{"case": args[0]})
		case "open":
			forget(args[0])
			opened, err := open(args[1], args[2], args[3], args[4])
			if err == nil {
				talkers[args[0]] = opened
			}
			showAnswer(op, op, err)
		case "close":
			forget(args[0])
			showAnswer(op, op, nil)
		case "pool":
			result, err := pool(args)
			showAnswer(op, result, err)
		default:
			if known := talkers[args[0]]; known == nil {
				showAnswer(op, nil, errors.New("not connected"))
			} else {
				result, err := known.say(op, args[1:])
				showAnswer(op, result, err)
			}
		}
	}
}

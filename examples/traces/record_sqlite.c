/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Records the page reads of SQLite under the load of a small online shop.
 *
 *     record_sqlite DATABASE > trace
 *
 * A database of customers, products, orders and order lines is made in DATABASE (about 190 MB), and
 * then a working day of the shop runs on it: product pages, logins, order histories, new orders,
 * category listings, the warehouse's look at the latest orders, and now and then a report that scans
 * a table. SQLite keeps ten pages itself, so nearly every page it needs is asked of the VFS, and a VFS
 * shim writes each request down: 16 bytes, little-endian: u64 page number, u32 page size, u32 zero.
 *
 * What is popular follows Zipf's law with exponents seen in shops (0.8 to 1.0); what is popular drifts
 * in the course of the day. The seed is fixed: the same SQLite gives the same trace. */

#include <math.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE = 4096,
    CUSTOMERS = 120000,
    PRODUCTS = 30000,
    ORDERS = 350000,
    CATEGORIES = 240,
    VISITS = 36000, /* of the recorded day */
    DAY = 86400
};

/* ---- numbers --------------------------------------------------------------------------------- */

static uint64_t state = 20260101;

static uint64_t
next(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static int
below(int n)
{
    return (int)((next() >> 32) * (uint64_t)n >> 32);
}

static double
unit(void)
{
    return (double)(next() >> 11) * 0x1p-53;
}

/* Ranks 0 … n-1 with probability ~ 1 / (rank + 1)^s, from a table of sums. */
struct zipf {
    int n;
    double *sum;
};

static struct zipf
zipf_make(int n, double s)
{
    struct zipf z = {n, malloc(sizeof(double) * (size_t)n)};
    if (!z.sum)
        exit(1);
    double total = 0;
    for (int i = 0; i < n; i++)
        z.sum[i] = total += pow(i + 1, -s);
    return z;
}

static int
zipf_rank(const struct zipf *z)
{
    double wanted = unit() * z->sum[z->n - 1];
    int low = 0, high = z->n - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (z->sum[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Popular ids lie anywhere in the table: a fixed scatter of ranks over 1 … n. */
static int
scatter(int rank, int n)
{
    return 1 + (int)((uint64_t)rank * 2654435761u % (uint64_t)n);
}

/* ---- the VFS shim ---------------------------------------------------------------------------- */

static int recording;
static sqlite3_vfs *below_vfs;
static sqlite3_io_methods shim_methods;
static const sqlite3_io_methods *below_methods;

static int
shim_read(sqlite3_file *file, void *buffer, int bytes, sqlite3_int64 offset)
{
    if (recording && bytes == PAGE) {
        struct {
            uint64_t key;
            uint32_t size, zero;
        } request = {(uint64_t)(offset / PAGE + 1), PAGE, 0};
        if (fwrite(&request, sizeof request, 1, stdout) != 1)
            exit(1);
    }
    return below_methods->xRead(file, buffer, bytes, offset);
}

static int
shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    (void)vfs;
    int rc = below_vfs->xOpen(below_vfs, name, file, flags, out_flags);
    if (rc == SQLITE_OK && flags & SQLITE_OPEN_MAIN_DB) {
        below_methods = file->pMethods;
        shim_methods = *below_methods;
        shim_methods.xRead = shim_read;
        file->pMethods = &shim_methods;
    }
    return rc;
}

static void
shim_register(void)
{
    static sqlite3_vfs shim;
    below_vfs = sqlite3_vfs_find(NULL);
    shim = *below_vfs;
    shim.zName = "recorder";
    shim.xOpen = shim_open;
    sqlite3_vfs_register(&shim, 1);
}

/* ---- statements ------------------------------------------------------------------------------ */

static sqlite3 *db;

static void
need(int ok)
{
    if (ok)
        return;
    fprintf(stderr, "record_sqlite: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static void
sql(const char *text)
{
    need(sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK);
}

static sqlite3_stmt *
prepare(const char *text)
{
    sqlite3_stmt *statement;
    need(sqlite3_prepare_v2(db, text, -1, &statement, NULL) == SQLITE_OK);
    return statement;
}

/* Runs a statement to its end; format: one letter an argument, i(nt) or s(tring).
 * Returns column 0 of the last row as a number, -1 without rows. */
static int
run(sqlite3_stmt *statement, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    for (int i = 0; format[i]; i++)
        if (format[i] == 'i')
            sqlite3_bind_int(statement, i + 1, va_arg(arguments, int));
        else
            sqlite3_bind_text(statement, i + 1, va_arg(arguments, const char *), -1, SQLITE_TRANSIENT);
    va_end(arguments);
    int last = -1, rc;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW)
        last = sqlite3_column_int(statement, 0);
    need(rc == SQLITE_DONE);
    sqlite3_reset(statement);
    return last;
}

/* ---- the shop -------------------------------------------------------------------------------- */

static struct zipf product_rank, customer_rank, category_rank;
static sqlite3_stmt *add_order, *add_line;
static int clock_s; /* seconds since the shop opened its first day */
static int drift;   /* shifts which products are popular */

static const char *
words(char *text, int count)
{
    static const char *const syllables[] = {"al", "ber", "cor", "dan", "el", "fin", "gor", "hal",
                                            "is", "jun", "kar", "lo", "mer", "nor", "os", "pel"};
    text[0] = 0;
    for (int i = 0; i < count; i++) {
        for (int n = 2 + below(2); n > 0; n--)
            strcat(text, syllables[below(16)]);
        strcat(text, " ");
    }
    return text;
}

static const char *
email(char *text, int customer)
{
    sprintf(text, "%08x.%d@example.org", (unsigned)customer * 2654435761u, customer);
    return text;
}

static int
pick_product(void)
{
    return scatter((zipf_rank(&product_rank) + drift) % PRODUCTS, PRODUCTS);
}

static int
pick_customer(void)
{
    return scatter(zipf_rank(&customer_rank), CUSTOMERS);
}

static void
place_order(int customer, int placed)
{
    run(add_order, "ii", customer, placed);
    int order = (int)sqlite3_last_insert_rowid(db);
    for (int line = 1, lines = 1 + below(5); line <= lines; line++)
        run(add_line, "iiii", order, line, pick_product(), 1 + below(3));
}

static void
make_database(void)
{
    char text[2000];
    sql("PRAGMA page_size=4096; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=60000;"
        "CREATE TABLE customers(id INTEGER PRIMARY KEY, email TEXT, name TEXT, address TEXT);"
        "CREATE TABLE products(id INTEGER PRIMARY KEY, category INT, price INT, stock INT,"
        " title TEXT, description TEXT);"
        "CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INT, placed INT, state INT, note TEXT);"
        "CREATE TABLE lines(order_id INT, line INT, product INT, quantity INT,"
        " PRIMARY KEY(order_id, line)) WITHOUT ROWID;"
        "BEGIN;");
    sqlite3_stmt *add = prepare("INSERT INTO customers(email, name, address) VALUES(?, ?, ?)");
    for (int i = 1; i <= CUSTOMERS; i++) {
        char mail[60], name[100];
        run(add, "sss", email(mail, i), words(name, 2), words(text, 6 + below(6)));
    }
    sqlite3_finalize(add);
    add = prepare("INSERT INTO products(category, price, stock, title, description) VALUES(?, ?, ?, ?, ?)");
    for (int i = 1; i <= PRODUCTS; i++) {
        char title[100];
        run(add, "iiiss", zipf_rank(&category_rank), 100 + below(20000), 1000, words(title, 4),
            words(text, 40 + below(120)));
    }
    sqlite3_finalize(add);
    add_order = prepare("INSERT INTO orders(customer, placed, state, note)"
                        " VALUES(?, ?, 0, 'as agreed by telephone')");
    add_line = prepare("INSERT INTO lines VALUES(?, ?, ?, ?)");
    for (int i = 0; i < ORDERS; i++) {
        clock_s = (int)((int64_t)i * 365 * DAY / ORDERS);
        drift = clock_s / DAY * 20;
        place_order(pick_customer(), clock_s);
    }
    sql("CREATE UNIQUE INDEX customers_email ON customers(email);"
        "CREATE INDEX products_category ON products(category, price);"
        "CREATE INDEX orders_customer ON orders(customer, placed);"
        "CREATE INDEX orders_placed ON orders(placed);"
        "CREATE INDEX lines_product ON lines(product);"
        "COMMIT; ANALYZE;");
}

static sqlite3_stmt *product_page, *also_bought, *login, *history, *listing, *latest, *take_stock;
static sqlite3_stmt *report_day, *report_customers, *report_stock;

static void
prepare_day(void)
{
    product_page = prepare("SELECT length(description), title, price FROM products WHERE id = ?");
    also_bought = prepare("SELECT o.product, p.title FROM"
                          " (SELECT order_id FROM lines WHERE product = ? ORDER BY order_id DESC LIMIT 6) l"
                          " JOIN lines o ON o.order_id = l.order_id JOIN products p ON p.id = o.product");
    login = prepare("SELECT id, name, address FROM customers WHERE email = ?");
    history = prepare("SELECT o.id, p.title, l.quantity FROM (SELECT id FROM orders WHERE customer = ?"
                      " ORDER BY placed DESC LIMIT 5) o JOIN lines l ON l.order_id = o.id"
                      " JOIN products p ON p.id = l.product");
    listing = prepare("SELECT id, title, price FROM products WHERE category = ? AND price >= ?"
                      " ORDER BY price LIMIT 12");
    latest = prepare("SELECT count(*), sum(l.quantity), max(c.name) FROM orders o"
                     " JOIN lines l ON l.order_id = o.id JOIN customers c ON c.id = o.customer"
                     " WHERE o.placed >= ?");
    take_stock = prepare("UPDATE products SET stock = stock - 1 WHERE id = ?");
    report_day = prepare("SELECT p.category, sum(l.quantity * p.price) FROM orders o"
                         " JOIN lines l ON l.order_id = o.id JOIN products p ON p.id = l.product"
                         " WHERE o.placed BETWEEN ? AND ? GROUP BY p.category");
    report_customers = prepare("SELECT count(*) FROM customers WHERE address LIKE '%dan%mer%'");
    report_stock = prepare("SELECT sum(stock * price) FROM products");
}

/* One visitor: some pages, perhaps a login, perhaps an order. */
static void
visit(void)
{
    int product = 0;
    for (int pages = 1 + below(4); pages > 0; pages--) {
        if (below(3) == 0)
            run(listing, "ii", zipf_rank(&category_rank), 100 + below(20) * 1000);
        product = pick_product();
        run(product_page, "i", product);
        if (below(4) == 0)
            run(also_bought, "i", product);
    }
    if (below(4))
        return;
    char mail[60];
    int customer = run(login, "s", email(mail, pick_customer()));
    if (below(2))
        run(history, "i", customer);
    if (below(2) == 0) {
        sql("BEGIN");
        place_order(customer, clock_s);
        run(take_stock, "i", product);
        sql("COMMIT");
    }
}

static void
working_day(void)
{
    int opened = clock_s + 1;
    for (int i = 0; i < VISITS; i++) {
        clock_s = opened + (int)((int64_t)i * DAY / VISITS);
        if (i % 200 == 0)
            drift++;
        visit();
        if (i % 600 == 599) /* the warehouse */
            run(latest, "i", clock_s - 1800);
        if (i % 4500 == 4499) { /* the office: a report on one of the last days, a search, the stock */
            int day = opened - (1 + i / 4500) * DAY;
            run(report_day, "ii", day, day + DAY / 4);
            run(i % 9000 == 8999 ? report_customers : report_stock, "");
        }
    }
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: record_sqlite DATABASE > trace\n");
        return 2;
    }
    product_rank = zipf_make(PRODUCTS, 0.9);
    customer_rank = zipf_make(CUSTOMERS, 0.8);
    category_rank = zipf_make(CATEGORIES, 1.0);
    shim_register();
    remove(argv[1]);
    need(sqlite3_open(argv[1], &db) == SQLITE_OK);
    make_database();
    sql("PRAGMA cache_size=10; PRAGMA shrink_memory;");
    prepare_day();
    recording = 1;
    working_day();
    recording = 0;
    return fflush(stdout) ? 1 : 0;
}

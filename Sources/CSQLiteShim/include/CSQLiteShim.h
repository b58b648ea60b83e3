#pragma once
#include <sqlite3.h>

// sqlite3_db_config is variadic, which Swift cannot call. Returns SQLite's result code.
int flowdex_sqlite_no_checkpoint_on_close(sqlite3 *db);

// From now on, each commit of this connection stores how many pages the write-ahead log holds, those of other
// connections included. Replaces automatic checkpoints. `pages` must live as long as the connection.
void flowdex_sqlite_count_log(sqlite3 *db, int *pages);

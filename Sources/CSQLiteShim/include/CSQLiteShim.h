#pragma once
#include <sqlite3.h>

// sqlite3_db_config is variadic, which Swift cannot call. Returns SQLite's result code.
int flowdex_sqlite_no_checkpoint_on_close(sqlite3 *db);

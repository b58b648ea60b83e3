#include "CSQLiteShim.h"

int flowdex_sqlite_no_checkpoint_on_close(sqlite3 *db) {
  return sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}

static int count(void *pages, sqlite3 *db, const char *name, int inLog) {
  (void)db;
  (void)name;
  *(int *)pages = inLog;
  return SQLITE_OK;
}

void flowdex_sqlite_count_log(sqlite3 *db, int *pages) { sqlite3_wal_hook(db, count, pages); }

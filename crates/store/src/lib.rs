//! Every query of the project, over SQLite and PostgreSQL.

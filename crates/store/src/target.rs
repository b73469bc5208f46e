//! Which database a name means.

use crate::error::{Result, StoreError};
use sqlx::postgres::PgConnectOptions;
use std::path::PathBuf;

/// A database by its kind.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    File(PathBuf),
    Server(Box<PgConnectOptions>),
}

impl Target {
    /// Understands a bare path, `sqlite://PATH`, `sqlite:PATH`, and `postgres://` or `postgresql://` URLs.
    pub(crate) fn parse(name: &str) -> Result<Self> {
        let bad =
            |why: &str| StoreError::BadUrl { given: without_password(name), why: why.to_owned() };
        if name.starts_with("postgres://") || name.starts_with("postgresql://") {
            return match name.parse::<PgConnectOptions>() {
                Ok(options) => Ok(Self::Server(Box::new(options))),
                Err(error) => Err(bad(&error.to_string())),
            };
        }
        let path = match name.strip_prefix("sqlite://").or_else(|| name.strip_prefix("sqlite:")) {
            Some(path) if path.contains('?') => return Err(bad("parameters are not supported")),
            Some(path) => path,
            None if name.contains("://") => return Err(bad("unknown scheme")),
            None => name,
        };
        // Each connection would see a database of its own.
        if path.starts_with(':') {
            return Err(bad("a database in memory cannot be shared between connections"));
        }
        if path.is_empty() {
            return Err(bad("the path is empty"));
        }
        Ok(Self::File(PathBuf::from(path)))
    }
}

/// Errors are shown and logged, so a password in the URL must not be in them.
fn without_password(name: &str) -> String {
    let Some((scheme, rest)) = name.split_once("://") else { return name.to_owned() };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            format!("{scheme}://{}@{host}", user.split(':').next().unwrap_or_default())
        }
        None => name.to_owned(),
    }
}

/// Host, port and database, for messages.
pub(crate) fn server_name(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_default();
    match options.get_socket() {
        Some(socket) => {
            format!("{}, port {}, database {database}", socket.display(), options.get_port())
        }
        None => format!("{}:{}, database {database}", options.get_host(), options.get_port()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        assert!(
            matches!(Target::parse("a/b.db").unwrap(), Target::File(p) if p.ends_with("a/b.db"))
        );
        assert!(
            matches!(Target::parse("sqlite:///a/b.db").unwrap(), Target::File(p) if p.as_os_str() == "/a/b.db")
        );
        assert!(matches!(Target::parse("postgres://u@h/d").unwrap(), Target::Server(_)));
        for wrong in
            ["mysql://u@h/d", "", "sqlite://", ":memory:", "sqlite::memory:", "sqlite://a?mode=ro"]
        {
            assert!(matches!(Target::parse(wrong), Err(StoreError::BadUrl { .. })), "{wrong}");
        }
    }

    #[test]
    fn no_error_shows_a_password() {
        let error = Target::parse("mysql://me:secret@host/db").unwrap_err().to_string();
        assert!(error.contains("mysql://me@host/db") && !error.contains("secret"), "{error}");
    }
}

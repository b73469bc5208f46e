//! The binary as a service.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

/// A service over a database. It ends with this value.
pub(crate) struct Serving {
    pub(crate) child: Child,
    /// Open as long as the service is: it ends if it cannot say what it wants to.
    _says: BufReader<ChildStdout>,
    /// Its address and port.
    pub(crate) host: String,
}

impl Serving {
    /// Starts one, with more arguments.
    pub(crate) fn start(database: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_devproof"))
            .args(["serve", "--listen", "127.0.0.1:0", "--json"])
            .args(arguments)
            .arg("--database")
            .arg(database)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut says = BufReader::new(child.stdout.take().unwrap());
        let mut lines = says.by_ref().lines().map(Result::unwrap);
        let url = lines.find(|line| line.contains("http://")).unwrap();
        let host = url.split("http://").nth(1).unwrap().trim_end_matches(['"', '}', ',']);
        Self { host: host.to_owned(), child, _says: says }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

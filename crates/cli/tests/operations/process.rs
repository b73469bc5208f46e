//! The binary, running, and what it says meanwhile.

use crate::PATIENCE;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

/// The binary, without any setting from outside.
pub(crate) fn devproof() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_devproof"));
    let ours = std::env::vars_os().filter(|(k, _)| k.to_string_lossy().starts_with("DEVPROOF_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).current_dir(std::env::temp_dir());
    command
}

/// A process that ends with this value.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, lines) = channel();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let send = send.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = send.send(line);
                }
            });
        }
        Self { child, lines, said: Vec::new() }
    }

    /// Waits for a line with these words that was not waited for before.
    pub(crate) fn says(&mut self, words: &str) -> String {
        self.says_all(&[words])
    }

    /// Waits until a line with each of these was said, in any order: what goes to two streams has none. Gives the last.
    pub(crate) fn says_all(&mut self, all: &[&str]) -> String {
        let (begun, mut open) = (Instant::now(), all.to_vec());
        loop {
            match self.lines.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
                Ok(line) => {
                    self.said.push(line.clone());
                    open.retain(|words| !line.contains(words));
                    if open.is_empty() {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("it never said `{}`, but: {:#?}", open.join("`, `"), self.said)
                }
            }
        }
    }

    /// The URL in a line with these words.
    pub(crate) fn url(&mut self, words: &str) -> String {
        let line = self.says(words);
        let url = line.split_whitespace().find(|word| word.contains("http://")).unwrap();
        let host = url.trim_matches('"').split('/').nth(2).unwrap();
        host.trim_end_matches([',', ';', '.', '"']).to_owned()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Any signal, by name; it is still ours, and so is its id.
    pub(crate) fn signal(&mut self, name: &str) {
        assert!(self.is_running());
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    pub(crate) fn ends(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.said.extend(self.lines.iter());
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end: {:#?}", self.said);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn ends_well(&mut self) {
        let status = self.ends();
        assert_eq!(status.code(), Some(0), "{:#?}", self.said);
    }

    pub(crate) fn said(&self) -> &[String] {
        &self.said
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Asks, on a connection of its own.
pub(crate) fn get(host: &str, path: &str) -> Answer {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

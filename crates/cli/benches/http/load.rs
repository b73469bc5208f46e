//! Connections that ask one question after the other.

use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

/// How much is asked.
pub(crate) struct Load {
    pub(crate) connections: usize,
    pub(crate) lasts: Duration,
}

/// How it went.
pub(crate) struct Shape {
    /// Answers a second.
    pub(crate) rate: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Of one answer's body, on average.
    pub(crate) bytes: usize,
}

impl Load {
    /// Asks for paths by their number, as fast as answers come. An answer other than 200 ends the bench.
    pub(crate) async fn run(
        &self,
        address: &str,
        path: impl Fn(u64) -> String + Copy + Send + 'static,
    ) -> Shape {
        let (begun, mut tasks) = (Instant::now(), JoinSet::new());
        let until = begun + self.lasts;
        for connection in 0..self.connections as u64 {
            let address = address.to_owned();
            tasks.spawn(async move {
                let mut asked = Connection::to(&address).await;
                let (mut times, mut bytes) = (Vec::new(), 0);
                let mut n = connection << 32;
                while Instant::now() < until {
                    let begun = Instant::now();
                    bytes += asked.get(&path(n), "").await;
                    times.push(begun.elapsed());
                    n += 1;
                }
                (times, bytes)
            });
        }
        let (mut times, mut bytes) = (Vec::new(), 0);
        while let Some(ended) = tasks.join_next().await {
            let (some, more) = ended.unwrap();
            times.extend(some);
            bytes += more;
        }
        let rate = times.len() as f64 / begun.elapsed().as_secs_f64();
        times.sort_unstable();
        let of = |share: usize| times[(times.len() - 1) * share / 100];
        Shape { rate, p50: of(50), p99: of(99), bytes: bytes / times.len() }
    }
}

/// Loads a page and what it names, as a browser does that was never here. Gives the time and the bytes.
pub(crate) async fn view(address: &str, page: &str) -> (Duration, usize) {
    const ACCEPTS: &str = "accept-encoding: br, gzip\r\n";
    // What it names is found out beforehand, where nothing has to be unpacked.
    let mut other = Connection::to(address).await;
    other.get(page, "").await;
    let text = String::from_utf8_lossy(&other.body).into_owned();
    let named: Vec<&str> = text.split('"').filter(|part| part.starts_with("/assets/")).collect();
    let begun = Instant::now();
    let mut connection = Connection::to(address).await;
    let mut bytes = connection.get(page, ACCEPTS).await;
    for part in named {
        bytes += connection.get(part, ACCEPTS).await;
    }
    (begun.elapsed(), bytes)
}

struct Connection {
    stream: TcpStream,
    host: String,
    read: Vec<u8>,
    body: Vec<u8>,
}

impl Connection {
    async fn to(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, host: address.to_owned(), read: Vec::new(), body: Vec::new() }
    }

    /// Asks, and gives the length of the body as it came.
    async fn get(&mut self, path: &str, headers: &str) -> usize {
        let ask = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n", self.host);
        self.stream.write_all(ask.as_bytes()).await.unwrap();
        self.read.clear();
        let end = loop {
            if let Some(end) = find(&self.read, b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await;
        };
        let head = String::from_utf8_lossy(&self.read[..end]).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
        let length = head.split("content-length: ").nth(1);
        let length = length.and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
        self.body.clear();
        match length {
            Some(length) => {
                while self.read.len() < end + length {
                    self.more().await;
                }
                self.body.extend_from_slice(&self.read[end..end + length]);
            }
            None => self.chunks(end).await,
        }
        self.body.len()
    }

    /// A body in pieces, each behind its length (RFC 9112, section 7.1).
    async fn chunks(&mut self, mut at: usize) {
        loop {
            let line = loop {
                if let Some(line) = find(&self.read[at..], b"\r\n") {
                    break line;
                }
                self.more().await;
            };
            let text = std::str::from_utf8(&self.read[at..at + line]).unwrap();
            let length = usize::from_str_radix(text.trim(), 16).unwrap();
            let begin = at + line + 2;
            while self.read.len() < begin + length + 2 {
                self.more().await;
            }
            self.body.extend_from_slice(&self.read[begin..begin + length]);
            at = begin + length + 2;
            if length == 0 {
                return;
            }
        }
    }

    async fn more(&mut self) {
        let mut piece = [0; 16_384];
        let count = self.stream.read(&mut piece).await.unwrap();
        assert!(count > 0, "the service closed the connection");
        self.read.extend_from_slice(&piece[..count]);
    }
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}

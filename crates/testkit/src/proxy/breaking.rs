//! A way to a node that breaks off at one question, and stays broken.

use eyre::{OptionExt as _, Result};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What is lost of the question at which it breaks. Of all later ones nothing gets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The question: the node never hears of it.
    Question,
    /// The answer: the node did what it was asked, and whoever asked does not know.
    Answer,
}

/// The way, which ends with this value. A request is a question, however many calls it has.
#[derive(Debug)]
pub struct Breaking {
    url: String,
    asked: Arc<AtomicUsize>,
    work: JoinHandle<()>,
}

impl Breaking {
    /// One that lets `most` questions through before it breaks.
    ///
    /// # Errors
    /// If there is no port to listen at.
    pub async fn after(most: usize, node: &str, lost: Lost) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let node = node.trim_start_matches("http://").to_owned();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let work = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (node, count) = (node.clone(), Arc::clone(&count));
                // Whatever goes wrong, the connection ends, which is what it is for.
                tokio::spawn(async move { pass_on(client, &node, &count, most, lost).await });
            }
        });
        Ok(Self { url, asked, work })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many questions it was asked, lost ones included.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Breaking {
    fn drop(&mut self) {
        self.work.abort();
    }
}

/// Passes the questions of one connection on, each whole, and its answer back.
async fn pass_on(
    mut client: TcpStream,
    node: &str,
    count: &AtomicUsize,
    most: usize,
    lost: Lost,
) -> Result<()> {
    let mut server = TcpStream::connect(node).await?;
    loop {
        let question = message(&mut client).await?;
        let before = count.fetch_add(1, Ordering::SeqCst);
        if before > most || before == most && lost == Lost::Question {
            return Ok(());
        }
        server.write_all(&question).await?;
        let answer = message(&mut server).await?;
        if before == most {
            return Ok(());
        }
        client.write_all(&answer).await?;
    }
}

/// Reads one message of HTTP, of which the head says how long the body is.
async fn message(from: &mut TcpStream) -> Result<Vec<u8>> {
    let (mut all, mut piece) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        let head = all.windows(4).position(|it| it == b"\r\n\r\n").map(|at| at + 4);
        if let Some(head) = head
            && all.len() >= head + length(all.get(..head).unwrap_or_default())?
        {
            return Ok(all);
        }
        let n = from.read(&mut piece).await?;
        eyre::ensure!(n > 0, "the connection ended");
        all.extend_from_slice(piece.get(..n).unwrap_or_default());
    }
}

fn length(head: &[u8]) -> Result<usize> {
    let head = String::from_utf8_lossy(head).to_lowercase();
    let line = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    Ok(line.ok_or_eyre("nobody says how long the body is")?.trim().parse()?)
}

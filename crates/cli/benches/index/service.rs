//! The binary as a service beside a chain that grows: how soon a head is in an answer, and the memory it takes.

use crate::serving::Serving;
use alloy_primitives::Address;
use devproof_testkit::replay::Replay;
use std::{
    io::{self, Read, Write},
    net::TcpStream,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

/// New heads that are waited for.
const HEADS: u64 = 30;
/// How long a service is left alone before its memory counts.
const QUIET: Duration = Duration::from_secs(5);
/// Time between two looks at an answer that is waited for to the millisecond, and at one that is not.
const LOOK: Duration = Duration::from_millis(1);
const GLANCE: Duration = Duration::from_millis(500);
/// Longer than indexing the whole chain takes.
const PATIENCE: Duration = Duration::from_secs(120);

struct Service(Serving);

impl Service {
    fn start(replay: &Replay, kms: Address, database: &Path) -> Self {
        let kms = kms.to_string();
        // Looking each millisecond is more than a client may.
        let more =
            ["--poll-seconds", "1", "--rate-limit", "0", "--rpc-url", replay.url(), "--kms", &kms];
        Self(Serving::start(database, &more))
    }

    /// The block at which the index stands, as an answer about an app says; 0 where there is none yet.
    fn head(&self, app: Address) -> u64 {
        let answer = self.ask(app).unwrap_or_default();
        let head = answer.split(r#""indexHead":{"number":"#).nth(1);
        let number = head.and_then(|rest| rest.split(',').next());
        number.and_then(|number| number.parse().ok()).unwrap_or_default()
    }

    fn ask(&self, app: Address) -> io::Result<String> {
        let mut stream = TcpStream::connect(&self.0.host)?;
        let path = format!("/v1/chains/31337/apps/{app}/at/unsafe?finality=unsafe");
        let ask =
            format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.0.host);
        stream.write_all(ask.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn wait_for(&self, app: Address, head: u64, look: Duration) -> Instant {
        let begun = Instant::now();
        while self.head(app) < head {
            assert!(begun.elapsed() < PATIENCE, "block {head} is in no answer");
            sleep(look);
        }
        Instant::now()
    }

    /// Resident memory, in MB.
    fn memory(&self) -> f64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.0.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

/// Prints both. The last blocks of the chain come while it is served.
pub(crate) fn measure(replay: &Replay, kms: Address, apps: &[Address], folder: &Path) {
    let Some(app) = apps.first().copied() else { return };
    let last = replay.ledger().head();
    let first = last - HEADS;
    replay.show_up_to(first);
    let database = folder.join("service.sqlite");
    let service = Service::start(replay, kms, &database);
    service.wait_for(app, first, GLANCE);
    sleep(QUIET);
    println!("memory once it has indexed     {:>9.1} MB", service.memory());
    let mut waits = Vec::new();
    for head in first + 1..=last {
        replay.show_up_to(head);
        let served = service.wait_for(app, head, LOOK);
        // From when the node told it of the head: how often it looks is the operator's choice.
        let told = replay.told_of(head).unwrap();
        waits.push(served.duration_since(told));
    }
    waits.sort_unstable();
    let (middle, longest) = (waits[waits.len() / 2], waits[waits.len() - 1]);
    println!("head to served answer          {middle:>12.2?}   longest {longest:.2?} of {HEADS}");
    drop(service);

    let service = Service::start(replay, kms, &database);
    service.wait_for(app, last, GLANCE);
    sleep(QUIET);
    println!("idle memory, begun anew        {:>9.1} MB", service.memory());
}

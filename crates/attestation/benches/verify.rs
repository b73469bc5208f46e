//! A whole local verification, event log and table included, against dcap-qvl's bare verification of the same quote, in
//! turns in one run; and a signature chain. `make bench`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, missing_docs)]

#[path = "../tests/support/mod.rs"]
mod support;

use devproof_attestation::{Evidence, KmsKeys, Outcome, Policy, Question, verify};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};
use support::{
    machine::{Machine, World},
    pki::{NOW, Options},
};

const ROUNDS: u32 = 40;
const PER_ROUND: u32 = 25;

fn timed(mut run: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..PER_ROUND {
        run();
    }
    start.elapsed() / PER_ROUND
}

fn main() {
    // `cargo test --all-targets` runs benchmarks as well, with this flag: once is enough then.
    let rounds = if std::env::args().any(|arg| arg == "--bench") { ROUNDS } else { 1 };
    let world = World::new(Options::default());
    let machine = Machine::default();
    let document = machine.get_quote(&world.pki).to_string();
    let collateral = serde_json::from_value(world.pki.collateral()).unwrap();
    let bare = dcap_qvl::verify::QuoteVerifier::new(world.pki.root_der.clone());
    let quote = machine.evidence(&world.pki).quote;
    let policy = Policy::default();
    let (mut alone, mut whole) = (Vec::new(), Vec::new());
    // In turns, so that whatever else the machine does slows both down.
    for _ in 0..rounds {
        alone.push(timed(|| {
            black_box(bare.verify(black_box(&quote), &collateral, NOW).unwrap());
        }));
        whole.push(timed(|| {
            let evidence = Evidence::read(black_box(document.as_bytes())).unwrap().remove(0);
            let verdict = verify(&Question {
                evidence: &evidence,
                now: NOW,
                root: &world.root,
                collateral: Some(&world.collateral),
                compose: None,
                report_data: None,
                kms: &KmsKeys::default(),
                chain: None,
                policy: &policy,
            });
            assert_eq!(verdict.overall, Outcome::Inconclusive);
        }));
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    let (alone, whole) = (median(&mut alone), median(&mut whole));
    println!("dcap-qvl, the quote alone   {:>8.1} us", alone.as_secs_f64() * 1e6);
    println!(
        "the whole table             {:>8.1} us, {:.0}/s, ratio {:.2}",
        whole.as_secs_f64() * 1e6,
        1.0 / whole.as_secs_f64(),
        whole.as_secs_f64() / alone.as_secs_f64()
    );
}

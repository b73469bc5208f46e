//! A node that breaks the connection at any question: nothing is half done, and the next run picks up.

use crate::{
    bench::{Said, said},
    steps::{Step, Table, one_of_each_verb},
};
use alloy_primitives::{B256, U256};
use devproof_testkit::proxy::{Breaking, Lost};

/// A node on this machine that is away is not waited for.
const RUN: [&str; 5] = ["--yes", "--inclusion-seconds", "0", "--finality-seconds", "0"];
/// Where not every question is interrupted that reads, one of so many is; `DEVPROOF_EACH` says another number.
const EACH: usize = 5;
/// How many questions behind the one that sends are interrupted each.
const NEAR: usize = 3;
/// More questions than any step asks.
const MOST: usize = 100;

/// A step on a chain where it can be done, again and again.
struct Rounds<'a> {
    table: &'a Table,
    step: &'a Step,
    /// Transactions of the account, and the newest block.
    before: (u64, B256),
    ready: U256,
}

impl Rounds<'_> {
    /// Runs the step over a way that breaks after so many questions. Whether it succeeded, and whether anything was sent.
    async fn round(&mut self, most: usize, lost: Lost) -> (bool, bool) {
        let Self { table, step, before, ready } = self;
        let way = Breaking::after(most, table.world.bench.anvil.url(), lost).await.unwrap();
        let ended = said(table.command(step, &RUN).env("DEVPROOF_RPC_URL", way.url()));
        let at = format!("{} after {most} questions ({lost:?}): {ended:?}", step.words);
        let now = table.state(step).await;
        let sent = now.0 - before.0;
        if ended.code == 0 {
            assert_eq!(sent, 1, "{at}");
            return (true, true);
        }
        fails_in_one_sentence(&ended, &at);
        if sent == 0 {
            // Nothing is kept anywhere else, so that the next run is one like the first.
            assert_eq!(now, *before, "{at}");
            return (false, false);
        }
        assert_eq!(sent, 1, "{at}");
        let account = table.world.bench.anvil.key(step.account).unwrap().address();
        let on_chain = table.world.node().transaction_at(account, before.0).await.unwrap().hash;
        let announced = format!("Transaction {on_chain:#x} (nonce {}) is on its way.", before.0);
        assert!(ended.err.contains(&announced), "{at}");
        let next = table.run(step, &["--yes"]);
        assert_eq!(next.code, 0, "{at}\n{next:?}");
        // Where no block has it yet, the next run waits for it.
        let waited = next.out.contains(&format!("Done: transaction {on_chain:#x}"));
        assert!(waited || next.out.starts_with(&table.again(step)), "{at}\n{next:?}");
        assert_eq!(table.state(step).await.0, now.0, "twice: {at}\n{next:?}");
        table.revert(*ready).await;
        *ready = table.world.bench.anvil.snapshot().await.unwrap();
        (false, true)
    }
}

/// The node is away or the transaction was not seen in a block: exit code 2, and one sentence that says what to do.
fn fails_in_one_sentence(ended: &Said, at: &str) {
    assert_eq!(ended.code, 2, "{at}");
    let errors: Vec<_> = ended.err.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{at}");
    assert!(errors[0].ends_with('.') && errors[0].len() > 40, "{at}");
    // Where one may be on the chain, it is named, and what to do.
    if let Some((_, announced)) = ended.err.split_once("Transaction 0x") {
        let hash = format!("transaction 0x{}", &announced[..64]);
        assert!(errors[0].contains(&hash), "{at}");
        // Of the block a node may know a moment later, also one that answers.
        let stuck = errors[0].contains("is in no block yet");
        assert!(
            errors[0].contains("cannot be reached")
                || stuck && !ended.err.contains("cannot be reached"),
            "{at}"
        );
        assert!(errors[0].contains("run the same command again"), "{at}");
    }
    assert_eq!(ended.err.lines().last(), Some(errors[0]), "nothing comes after it: {at}");
    assert!(!ended.out.contains("Done"), "{at}");
    assert!(!ended.err.contains("panicked"), "{at}");
}

/// How many questions a step asks before it would send anything.
async fn questions_before(table: &Table, step: &Step) -> usize {
    let way = Breaking::after(usize::MAX, table.world.bench.anvil.url(), Lost::Question).await;
    let way = way.unwrap();
    let mut command = table.command(step, &["--dry-run"]);
    let shown = said(command.env("DEVPROOF_RPC_URL", way.url()));
    assert_eq!(shown.code, 0, "{}: {shown:?}", step.words);
    way.asked()
}

/// `stride` is how far it is from one question that is interrupted to the next, away from the one that sends: what is read
/// before and after it is read in the same way for all verbs.
async fn at_each_question(table: &Table, step: &Step, begin: usize, stride: usize) {
    let back = table.prepare(step).await;
    let reads = questions_before(table, step).await.saturating_sub(2);
    let ready = table.world.bench.anvil.snapshot().await.unwrap();
    let mut rounds = Rounds { table, step, before: table.state(step).await, ready };
    let (mut most, mut first_sent) = (begin, None);
    loop {
        let (succeeded, sent) = rounds.round(most, Lost::Question).await;
        first_sent = first_sent.or(sent.then_some(most));
        if succeeded {
            break;
        }
        let is_far = most + stride < reads || first_sent.is_some_and(|first| most > first + NEAR);
        most += if is_far { stride } else { 1 };
        assert!(most < MOST, "{}: it never ends", step.words);
    }
    let first_sent = first_sent.unwrap();
    assert!(first_sent > 5, "{}: only {first_sent} questions before it is sent", step.words);
    assert!(most > first_sent, "{}: nothing was interrupted behind that", step.words);
    table.revert(rounds.ready).await;
    rounds.ready = table.world.bench.anvil.snapshot().await.unwrap();
    // The node took the transaction, and its answer is lost. The question may come one earlier than it did before.
    let mut taken = false;
    for most in [first_sent - 2, first_sent - 1] {
        let (succeeded, sent) = rounds.round(most, Lost::Answer).await;
        assert!(!succeeded, "{}: nobody noticed", step.words);
        taken |= sent;
    }
    assert!(taken, "{}: no answer to a transaction was lost", step.words);
    table.revert(back).await;
}

/// Half of the verbs each, for machines with more than one core.
async fn of_half_the_verbs(half: usize) {
    let each = std::env::var("DEVPROOF_EACH").map_or(EACH, |text| text.parse().unwrap());
    let table = Table::new().await;
    for (n, step) in one_of_each_verb().enumerate().skip(half).step_by(2) {
        // What asks most, in each half, at every question; the others at other ones each.
        let stride = if ["propose", "app deploy"].contains(&step.verb().join(" ").as_str()) {
            1
        } else {
            each
        };
        at_each_question(&table, step, n % stride, stride).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_each_question_to_the_node() {
    of_half_the_verbs(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_each_question_to_the_node_too() {
    of_half_the_verbs(1).await;
}

//! What the fold believes, and what it refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use alloy_primitives::{Address, B256, U256, keccak256};
use devproof_primitives::{
    Action, Change, Event, FoldError, HistoryRoot, Notice, Policy, Position, ProposalState, Rules,
    Setting, Source, source_commitment,
};
use proptest::prelude::*;

const CHAIN: u64 = 8453;
const APP: Address = Address::repeat_byte(0xaa);
const OWNER: Address = Address::repeat_byte(0x01);
const DAY: u64 = 86_400;

fn at(block: u64, log_index: u64) -> Position {
    let transaction = B256::from(U256::from(block));
    Position { block, log_index, timestamp: 1_700_000_000 + block * DAY, transaction }
}

fn change(action: Action, setting: Setting, value: B256) -> Change {
    Change { action, setting, value }
}

/// An AppAuth that writes its own history, as the contract does.
struct App {
    root: HistoryRoot,
    events: Vec<(Position, Event)>,
}

impl App {
    fn born() -> Self {
        let mut app = Self { root: HistoryRoot::seed(CHAIN, APP), events: Vec::new() };
        app.entry(1, change(Action::Set, Setting::Owner, OWNER.into_word()));
        app.entry(1, change(Action::Set, Setting::NoticePeriod, U256::from(7 * DAY).into()));
        app.entry(1, change(Action::Set, Setting::ComposeHash, keccak256("first")));
        app
    }

    fn next(&self, block: u64) -> Position {
        at(block, self.events.len() as u64)
    }

    fn entry(&mut self, block: u64, change: Change) {
        let at = self.next(block);
        self.root = self.root.extend(&change, OWNER, at.block, at.timestamp);
        let event = Event::History {
            root: self.root.0,
            kind: change.kind(),
            value: change.value,
            actor: OWNER,
        };
        self.events.push((at, event));
    }

    /// What `proposeComposeHash(hash, digest, uri)` emits.
    fn propose(&mut self, block: u64, hash: B256, uri: &str) {
        self.entry(block, change(Action::Proposed, Setting::ComposeHash, hash));
        let at = self.next(block);
        let source = Source { digest: keccak256("source"), uri: uri.to_owned() };
        let ripe_at = at.timestamp + 7 * DAY;
        let expires_at = ripe_at + 14 * DAY;
        let commitment = source_commitment(hash, source.digest, uri);
        self.events
            .push((at, Event::Announced { compose_hash: hash, ripe_at, expires_at, source }));
        self.entry(block, change(Action::Proposed, Setting::Source, commitment));
    }

    fn fold(&self) -> Result<Policy, FoldError> {
        let mut policy = Policy::new(Rules::AppAuth { chain_id: CHAIN, app: APP });
        for (at, event) in &self.events {
            policy.apply(*at, event)?;
        }
        Ok(policy)
    }

    /// A life with something of everything.
    fn lived() -> Self {
        let mut app = Self::born();
        let [second, third] = [keccak256("second"), keccak256("third")];
        app.propose(10, second, "https://example.org/2");
        app.entry(18, change(Action::Set, Setting::ComposeHash, second));
        app.propose(20, third, "https://example.org/3");
        app.entry(21, change(Action::Cancelled, Setting::ComposeHash, third));
        app.entry(22, change(Action::Removed, Setting::ComposeHash, keccak256("first")));
        app.entry(30, change(Action::Proposed, Setting::Device, keccak256("device")));
        app
    }
}

#[test]
fn a_life_folds_into_its_policy() {
    let policy = App::lived().fold().unwrap();
    let second = &policy.compose_hashes[&keccak256("second")];
    assert_eq!(policy.compose_hashes.len(), 1);
    assert_eq!(second.notice, Notice::Seconds(8 * DAY));
    assert_eq!(second.proposed, Some((at(10, 3), Some(OWNER))));
    assert_eq!(second.source.as_ref().unwrap().uri, "https://example.org/2");
    let device = &policy.proposals[&(Setting::Device, keccak256("device"))];
    assert_eq!(policy.proposals.len(), 1);
    for (time, state) in [
        (device.ripe_at - 1, ProposalState::Pending),
        (device.ripe_at, ProposalState::Ripe),
        (device.expires_at - 1, ProposalState::Ripe),
        (device.expires_at, ProposalState::Expired),
    ] {
        assert_eq!(device.state_at(time), state);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Nobody can leave an event out (but for the last ones), double, swap or back-date one.
    #[test]
    fn a_history_that_was_tampered_with_is_refused(
        which in 0..13usize,
        how in 0..6u8,
    ) {
        let mut app = App::lived();
        let entries = app.events.len();
        let last = which + 1 >= entries;
        match how {
            0 if !last => { app.events.remove(which); }
            1 => { let double = app.events[which].clone(); app.events.insert(which, double); }
            2 if !last => app.events.swap(which, which + 1),
            3 => app.events[which].0.timestamp -= 1,
            4 => app.events[which].0.block += 1,
            _ => match &mut app.events[which].1 {
                Event::History { value, .. } => *value = keccak256("another"),
                Event::Announced { source, .. } => source.uri.push('x'),
                _ => {}
            },
        }
        // Of an announcement only its words and its place count: said twice it says nothing more, and the
        // history has block and time in the entries around it.
        let words = matches!(app.events[which].1, Event::Announced { .. });
        let untouched = words && matches!(how, 1 | 3 | 4);
        prop_assert_eq!(app.fold().is_ok(), untouched, "event {}, change {}", which, how);
    }
}

#[test]
fn words_that_the_history_does_not_commit_to_are_not_believed() {
    let mut app = App::born();
    app.propose(10, keccak256("second"), "https://example.org/2");
    // The entry behind the words is still to come: the claim is not shown until then.
    app.events.pop();
    let policy = app.fold().unwrap();
    assert_eq!(policy.proposals[&(Setting::ComposeHash, keccak256("second"))].source, None);
}

fn stock(events: &[(Position, Event)]) -> (Policy, Vec<bool>) {
    let mut policy = Policy::new(Rules::AsEmitted);
    let effective =
        events.iter().filter_map(|(at, e)| policy.apply(*at, e).unwrap()).map(|s| s.effective);
    let effective = effective.collect();
    (policy, effective)
}

#[test]
fn a_stock_app_that_says_added_twice_added_once() {
    let hash = keccak256("hash");
    let set = Event::Stock(change(Action::Set, Setting::ComposeHash, hash));
    let removed = Event::Stock(change(Action::Removed, Setting::ComposeHash, hash));
    let (policy, effective) = stock(&[
        (at(1, 0), Event::Stock(change(Action::Set, Setting::Owner, OWNER.into_word()))),
        (at(2, 0), set.clone()),
        (at(3, 0), set.clone()),
        (at(4, 0), removed.clone()),
        (at(5, 0), removed),
        (at(6, 0), set.clone()),
        (at(7, 0), set),
    ]);
    assert_eq!(effective, [true, true, false, true, false, true, false]);
    // Add, remove, add ends allowed, since the second add.
    assert_eq!(policy.compose_hashes[&hash].since, at(6, 0));
    assert_eq!(policy.compose_hashes[&hash].notice, Notice::Seconds(0));
}

#[test]
fn who_did_it_is_believed_of_the_same_transaction_only() {
    let hash = keccak256("hash");
    let set = |position| (position, Event::Stock(change(Action::Set, Setting::ComposeHash, hash)));
    let said = |position| {
        let event = Event::Attributed { setting: Setting::ComposeHash, value: hash, actor: OWNER };
        (position, event)
    };
    assert_eq!(stock(&[set(at(1, 0)), said(at(1, 1))]).0.compose_hashes[&hash].actor, Some(OWNER));
    assert_eq!(stock(&[set(at(1, 0)), said(at(2, 0))]).0.compose_hashes[&hash].actor, None);
}

#[test]
fn a_contract_that_is_no_app_auth_cannot_claim_a_history() {
    let mut policy = Policy::new(Rules::AsEmitted);
    for (at, event) in &App::lived().events {
        assert_eq!(policy.apply(*at, event).unwrap(), None);
    }
    assert!(policy.compose_hashes.is_empty() && policy.history_root().is_none());
}

//! The fold against the contract it folds.
//!
//! Random sequences of calls by everybody who may call, with jumps in time, run on the compiled
//! AppAuth inside revm. After every step the policy folded from the emitted logs must equal what the
//! contract's own views answer, and the folded history root the contract's. Sequences are weighted so
//! that proposals often ripen, expire, and meet their limits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod evm;
mod operations;

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use devproof_contracts::{
    app_event,
    bindings::{
        AppAuth::{self, *},
        IAppAuth::Settings,
    },
};
use devproof_primitives::{Notice, Policy, Position, ProposalState, Rules, Setting};
use evm::{Evm, Log};
use operations::{Operation, Time, sequence};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// An app under test: the contract, and the folds of what it emitted.
struct Bench {
    evm: Evm,
    app: Address,
    /// By the history.
    policy: Policy,
    /// By the stock events alone, as a tool that knows nothing of us reads them.
    stock: Policy,
    log_index: u64,
}

impl Bench {
    fn new(born: Settings) -> Self {
        let mut evm = Evm::new();
        let (app, logs) = evm.deploy(&AppAuth::BYTECODE, &AppAuth::constructorCall { born });
        let rules = Rules::AppAuth { chain_id: evm::CHAIN_ID, app };
        let policy = Policy::new(rules);
        let stock = Policy::new(Rules::AsEmitted);
        let mut bench = Self { evm, app, policy, stock, log_index: 0 };
        bench.take(&logs);
        bench
    }

    fn take(&mut self, logs: &[Log]) {
        for log in logs {
            let at = Position {
                block: self.evm.block,
                log_index: self.log_index,
                timestamp: self.evm.time,
                transaction: B256::from(U256::from(self.evm.transactions)),
            };
            self.log_index += 1;
            let event = app_event(log.data.topics(), &log.data.data);
            if let Some(event) = event {
                self.policy.apply(at, &event).expect("the contract's own events fold");
                self.stock.apply(at, &event).unwrap();
            }
        }
    }

    /// The next moment at which something becomes possible or impossible, if any is left.
    fn next_edge(&self) -> Option<u64> {
        let now = self.evm.time;
        let edges = self.policy.proposals.values().flat_map(|p| [p.ripe_at, p.expires_at]);
        edges.filter(|t| *t > now).min()
    }

    fn step(&mut self, (time, actor, operation): &(Time, usize, Operation)) {
        let to = match (time, self.next_edge()) {
            (Time::By(seconds), _) => self.evm.time + seconds,
            (Time::Edge, Some(edge)) => edge,
            (Time::BeforeEdge, Some(edge)) => edge - 1,
            (_, None) => self.evm.time + 1,
        };
        self.evm.next_block(to);
        let data = match operation {
            Operation::Call(_, data) => data.clone(),
            Operation::ActivatePending(n) => {
                let pending: Vec<_> = self.policy.proposals.keys().collect();
                let Some((setting, value)) = pending.get(n % pending.len().max(1)) else { return };
                activateCall { kind: *setting as u8, value: *value }.abi_encode()
            }
        };
        let logs = self.evm.call(operations::ACTORS[*actor], self.app, data);
        self.take(&logs.unwrap_or_default());
        self.compare();
    }

    fn view<C: SolCall>(&mut self, call: C) -> C::Return {
        self.evm.view(self.app, &call)
    }

    /// The policy is what the contract says it is.
    fn compare(&mut self) {
        let p = self.policy.clone();
        let now = self.evm.time;
        assert_eq!(Some(self.view(historyRootCall {})), p.history_root(), "historyRoot");
        assert_eq!(self.view(ownerCall {}), p.owner.unwrap_or_default(), "owner");
        assert_eq!(
            self.view(pendingOwnerCall {}),
            p.pending_owner.unwrap_or_default(),
            "pendingOwner"
        );
        assert_eq!(self.view(guardianCall {}), p.guardian.unwrap_or_default(), "guardian");
        assert_eq!(Some(u64::from(self.view(noticePeriodCall {}))), p.notice_period, "notice");
        assert_eq!(Some(self.view(allowAnyDeviceCall {})), p.allow_any_device, "any device");
        assert_eq!(Some(self.view(requireTcbUpToDateCall {})), p.require_tcb_up_to_date, "TCB");
        assert_eq!(self.view(osImagesPinnedCall {}), p.os_images.is_some(), "pinned");
        assert_eq!(self.view(pendingCountCall {}), U256::from(p.proposals.len()), "pending");
        for value in operations::values() {
            let allowed = p.compose_hashes.get(&value);
            assert_eq!(
                self.view(allowedComposeHashesCall { composeHash: value }),
                allowed.is_some(),
                "{value}"
            );
            assert_eq!(
                self.view(allowedAtCall { composeHash: value, timestamp: U256::from(now) }),
                allowed.is_some(),
                "allowedAt now, {value}"
            );
            if let Some(grant) = allowed {
                let since = U256::from(grant.since.timestamp);
                assert!(self.view(allowedAtCall { composeHash: value, timestamp: since }));
                let before = since - U256::from(1);
                assert!(!self.view(allowedAtCall { composeHash: value, timestamp: before }));
            }
            let device = p.devices.contains_key(&value);
            assert_eq!(
                self.view(allowedDeviceIdsCall { deviceId: value }),
                device,
                "device {value}"
            );
            let image = p.os_images.as_ref().is_some_and(|list| list.contains_key(&value));
            assert_eq!(
                self.view(allowedOsImagesCall { osImageHash: value }),
                image,
                "image {value}"
            );
        }
        for (kind, value) in operations::proposable() {
            let setting = Setting::from_number(kind).unwrap();
            let proposal = p.proposals.get(&(setting, value));
            let ripe_at = U256::from(proposal.map_or(0, |p| p.ripe_at));
            assert_eq!(self.view(ripeAtCall { kind, value }), ripe_at, "{setting:?} {value}");
            if setting == Setting::ComposeHash {
                let alive = proposal.is_some_and(|p| p.state_at(now) != ProposalState::Expired);
                let expected = if alive { ripe_at } else { U256::ZERO };
                assert_eq!(self.view(activatesAtCall { composeHash: value }), expected);
            }
        }
        for kind in 0..=12 {
            let frozen = Setting::from_number(kind).is_ok_and(|s| p.frozen.contains(&s));
            assert_eq!(self.view(isFrozenCall { kind }), frozen, "frozen {kind}");
        }
        // Whoever reads only the stock events knows the same sets.
        let keys = |p: &Policy| -> [BTreeSet<B256>; 2] {
            [p.compose_hashes.keys().copied().collect(), p.devices.keys().copied().collect()]
        };
        assert_eq!(keys(&self.stock), keys(&p), "stock events");
        assert_eq!(self.stock.owner, p.owner);
        assert_eq!(self.stock.allow_any_device, p.allow_any_device);
        assert_eq!(self.stock.require_tcb_up_to_date, p.require_tcb_up_to_date);
        // What is in force without having been there at birth was announced, and for long enough.
        for grant in p.compose_hashes.values().chain(p.devices.values()) {
            match grant.notice {
                Notice::Born => {}
                Notice::Seconds(seconds) => assert!(seconds >= 2 * 86_400, "notice of {seconds} s"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_fold_equals_the_contract(
        (born, steps) in (operations::settings(), sequence(60)),
    ) {
        let mut bench = Bench::new(born);
        bench.compare();
        for step in &steps {
            bench.step(step);
        }
    }
}

fn pins(policy: &Policy) -> usize {
    policy.os_images.as_ref().map_or(0, |list| list.len())
}

/// The weights above are of use only if sequences get somewhere.
#[test]
fn sequences_reach_the_rare_states() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..60 {
        let born = operations::settings().new_tree(&mut runner).unwrap().current();
        let steps = sequence(60).new_tree(&mut runner).unwrap().current();
        let mut bench = Bench::new(born);
        for step in &steps {
            let before = bench.policy.clone();
            bench.step(step);
            let now = bench.evm.time;
            for p in bench.policy.proposals.values() {
                seen.insert(format!("{:?}", p.state_at(now)));
                if p.source.is_some() {
                    seen.insert("source".into());
                }
            }
            let policy = &bench.policy;
            for (name, is) in [
                ("activated", policy.compose_hashes.values().any(|g| g.notice != Notice::Born)),
                ("pins", policy.os_images.is_some()),
                ("pins cleared", before.os_images.is_some() && policy.os_images.is_none()),
                ("pin added", pins(&before) > 0 && pins(policy) == pins(&before) + 1),
                (
                    "guardian replaced",
                    before.guardian.is_some() && before.guardian != policy.guardian,
                ),
                (
                    "any device",
                    before.allow_any_device == Some(false) && policy.allow_any_device == Some(true),
                ),
                (
                    "TCB dropped",
                    before.require_tcb_up_to_date == Some(true)
                        && policy.require_tcb_up_to_date == Some(false),
                ),
                ("frozen", !policy.frozen.is_empty()),
                ("shorter notice", policy.notice_period < Some(2 * 86_400 + 1)),
                ("other owner", policy.owner != Some(operations::ACTORS[0])),
                ("many pending", policy.proposals.len() > 4),
            ] {
                if is {
                    seen.insert(name.into());
                }
            }
        }
    }
    let expected = [
        "Expired",
        "Pending",
        "Ripe",
        "TCB dropped",
        "activated",
        "any device",
        "frozen",
        "guardian replaced",
        "many pending",
        "other owner",
        "pin added",
        "pins",
        "pins cleared",
        "shorter notice",
        "source",
    ];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

//! What can be done to an AppAuth, drawn at random from small sets so that calls meet.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use devproof_contracts::bindings::{AppAuth::*, IAppAuth::Settings};
use proptest::prelude::*;

const DAY: u64 = 86_400;

/// The owner, the guardian, who may become owner, a stranger.
pub(crate) const ACTORS: [Address; 4] = [
    Address::repeat_byte(0x0a),
    Address::repeat_byte(0x0b),
    Address::repeat_byte(0x0c),
    Address::repeat_byte(0x0d),
];

/// When the next call happens.
#[derive(Clone, Debug)]
pub(crate) enum Time {
    /// This many seconds later; 0 is the same second, in another block.
    By(u64),
    /// At the very second at which a proposal ripens or dies.
    Edge,
    /// One second before that.
    BeforeEdge,
}

/// What is called.
#[derive(Clone)]
pub(crate) enum Operation {
    /// This function, with this data.
    Call(&'static str, Vec<u8>),
    /// `activate`, of one of the proposals there are: the n-th, modulo how many. Drawn blindly, the
    /// settings that need several activations in a row would never be reached.
    ActivatePending(usize),
}

impl Operation {
    pub(crate) fn of<C: SolCall>(call: &C) -> Self {
        Self::Call(C::SIGNATURE, call.abi_encode())
    }
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Call(name, data) => {
                write!(f, "{name} {}", alloy_primitives::hex::encode(&data[4..]))
            }
            Self::ActivatePending(n) => write!(f, "activate pending {n}"),
        }
    }
}

/// Compose hashes, devices and OS images alike.
pub(crate) fn values() -> [B256; 3] {
    [1u8, 2, 3].map(|n| B256::repeat_byte(0x10 * n))
}

fn word(number: u64) -> B256 {
    U256::from(number).into()
}

/// All that can be proposed, and some that cannot.
pub(crate) fn proposable() -> Vec<(u8, B256)> {
    let mut all = Vec::new();
    for kind in [1, 2, 5] {
        all.extend(values().map(|value| (kind, value)));
    }
    all.extend([(3, word(1)), (3, word(0)), (4, word(0)), (6, word(1))]);
    all.extend([2 * DAY, 3 * DAY, 7 * DAY, DAY].map(|notice| (7, word(notice))));
    all.extend([ACTORS[2], Address::ZERO].map(|guardian| (8, guardian.into_word())));
    all.extend([1, 2, 5, 7, 9].map(|kind| (9, word(kind))));
    all
}

pub(crate) fn settings() -> impl Strategy<Value = Settings> {
    let subset = || proptest::sample::subsequence(values().to_vec(), 0..=2);
    let notice = prop_oneof![Just(2 * DAY), Just(7 * DAY), Just(30 * DAY)];
    (any::<bool>(), notice, any::<(bool, bool)>(), subset(), subset(), subset()).prop_map(
        |(guarded, notice, (any_device, tcb), compose_hashes, devices, os_images)| Settings {
            owner: ACTORS[0],
            guardian: if guarded { ACTORS[1] } else { Address::ZERO },
            noticePeriod: u32::try_from(notice).unwrap(),
            allowAnyDevice: any_device,
            requireTcbUpToDate: tcb,
            composeHashes: compose_hashes,
            devices,
            osImages: os_images,
        },
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    let value = || proptest::sample::select(values().to_vec());
    // A setting first, then a value: there are more values of some than of others.
    let proposal = || {
        (1..=9u8).prop_flat_map(|kind| {
            let of_kind = proposable().into_iter().filter(|(k, _)| *k == kind);
            proptest::sample::select(of_kind.collect::<Vec<_>>())
        })
    };
    prop_oneof![
        6 => proposal().prop_map(|(kind, value)| Operation::of(&proposeCall { kind, value })),
        3 => (value(), any::<[u8; 32]>(), ".{0,40}").prop_map(|(hash, digest, uri)| {
            Operation::of(&proposeComposeHash_0Call { composeHash: hash, sourceDigest: digest.into(), uri })
        }),
        1 => value().prop_map(|h| Operation::of(&proposeComposeHash_1Call { composeHash: h })),
        2 => proposal().prop_map(|(kind, value)| Operation::of(&activateCall { kind, value })),
        8 => any::<usize>().prop_map(Operation::ActivatePending),
        3 => value().prop_map(|h| Operation::of(&activateComposeHashCall { composeHash: h })),
        2 => proposal().prop_map(|(kind, value)| Operation::of(&cancelCall { kind, value })),
        1 => value().prop_map(|h| Operation::of(&addComposeHashCall { composeHash: h })),
        1 => value().prop_map(|d| Operation::of(&addDeviceCall { deviceId: d })),
        2 => proposal().prop_map(|(kind, value)| Operation::of(&removeCall { kind, value })),
        1 => value().prop_map(|h| Operation::of(&removeComposeHashCall { composeHash: h })),
        1 => any::<bool>().prop_map(|on| Operation::of(&setAllowAnyDeviceCall { allowAny: on })),
        1 => any::<bool>().prop_map(|on| {
            Operation::of(&setRequireTcbUpToDateCall { requireUpToDate: on })
        }),
        1 => proptest::sample::subsequence(values().to_vec(), 0..=3)
            .prop_map(|list| Operation::of(&pinOsImagesCall { osImageHashes: list })),
        1 => proptest::sample::select(vec![3 * DAY, 9 * DAY, 31 * DAY]).prop_map(|notice| {
            Operation::of(&increaseNoticePeriodCall { seconds_: u32::try_from(notice).unwrap() })
        }),
        1 => Just(Operation::of(&setGuardianCall { guardian_: ACTORS[1] })),
        1 => (0..4usize).prop_map(|i| Operation::of(&transferOwnershipCall { newOwner: ACTORS[i] })),
        1 => Just(Operation::of(&acceptOwnershipCall {})),
        1 => Just(Operation::of(&renounceOwnershipCall {})),
    ]
}

/// Times, callers and calls.
pub(crate) fn sequence(length: usize) -> impl Strategy<Value = Vec<(Time, usize, Operation)>> {
    let time = prop_oneof![
        4 => Just(Time::By(0)),
        3 => Just(Time::By(3_600)),
        1 => Just(Time::By(3 * DAY)),
        4 => Just(Time::Edge),
        1 => Just(Time::BeforeEdge),
    ];
    let actor = prop_oneof![7 => Just(0usize), 2 => Just(1), 2 => Just(2), 2 => Just(3)];
    proptest::collection::vec((time, actor, operation()), length)
}

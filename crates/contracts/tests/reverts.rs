//! Reverts become sentences: every error of every contract does, and the words are these.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use alloy_primitives::{Address, B256, U256, aliases::U48, hex, keccak256};
use alloy_sol_types::{Panic, Revert, SolError};
use devproof_contracts::{
    bindings::{AppAuth, factory, registry, verifier},
    explain_revert,
    stock::OpenZeppelin,
};
use serde_json::Value;
use std::{fs, path::Path};

/// 2026-11-27 14:03:00 UTC.
const RIPE: u64 = 1_795_788_180;
/// 6 d 23 h before.
const NOW: u64 = RIPE - (6 * 24 + 23) * 3_600;
const APP: Address = Address::repeat_byte(0xaa);
const KEY: Address = Address::repeat_byte(0xbb);
const HASH: B256 = B256::repeat_byte(0xcc);
const APP_WORDS: &str = "0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa";
const KEY_WORDS: &str = "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB";
const HASH_WORDS: &str = "0xcccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

fn explain(error: &impl SolError) -> String {
    explain_revert(&error.abi_encode(), NOW).unwrap()
}

/// The committed artifacts: our contracts, and the stand-ins for the stock ones. Nobody but our own code
/// hears what `StateProbe` reverts with; and the stand-in for a Safe says in errors of its own what a Safe says in numbers.
fn artifacts() -> Vec<Value> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = ["contracts/artifacts", "testkit/artifacts"];
    let files = folders.iter().flat_map(|folder| fs::read_dir(crates.join(folder)).unwrap());
    let read = |file: std::io::Result<fs::DirEntry>| -> Value {
        serde_json::from_str(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap()
    };
    let others = ["StateProbe", "LocalSafe"].map(Value::from);
    files.map(read).filter(|artifact| !others.contains(&artifact["contractName"])).collect()
}

/// The data of an error as an ABI declares it, with the number one wherever it takes a value.
fn data_of(error: &Value) -> Vec<u8> {
    let inputs = error["inputs"].as_array().unwrap();
    let types: Vec<&str> = inputs.iter().map(|input| input["type"].as_str().unwrap()).collect();
    for ty in &types {
        let is_word = ["address", "bool", "bytes32"].contains(ty) || ty.starts_with("uint");
        assert!(is_word && !ty.ends_with(']'), "teach this test to encode a {ty}");
    }
    let signature = format!("{}({})", error["name"].as_str().unwrap(), types.join(","));
    let mut data = keccak256(signature)[..4].to_vec();
    data.extend(types.iter().flat_map(|_| U256::ONE.to_be_bytes::<32>()));
    data
}

#[test]
fn every_error_of_every_contract_has_a_sentence() {
    let mut missing = Vec::new();
    let mut seen = 0;
    for artifact in artifacts() {
        for error in artifact["abi"].as_array().unwrap().iter().filter(|e| e["type"] == "error") {
            seen += 1;
            if explain_revert(&data_of(error), NOW).is_none() {
                missing.push(format!("{} of {}", error["name"], artifact["contractName"]));
            }
        }
    }
    assert!(missing.is_empty(), "no line in crates/contracts/src/revert for {missing:#?}");
    assert!(seen > 60, "only {seen} errors were found");
}

#[test]
fn proposals_that_are_refused_say_when() {
    let value = B256::from(U256::from(172_800));
    assert_eq!(
        explain(&AppAuth::NoticeNotElapsed { kind: 7, value, ripeAt: U48::from(RIPE) }),
        "a notice of 2 d may be activated from 2026-11-27 14:03 UTC, in 6 d 23 h"
    );
    assert_eq!(
        explain(&AppAuth::NoticeRequired { kind: 1, value: HASH, earliest: U256::from(RIPE) }),
        format!(
            "compose hash {HASH_WORDS} has to be proposed first, and could be in force from \
             2026-11-27 14:03 UTC, in 6 d 23 h"
        )
    );
    assert_eq!(
        explain(&AppAuth::NoticeRequired { kind: 3, value: HASH, earliest: U256::MAX }),
        "accepting any device can never be in force here (the setting is frozen, the app has no \
         owner, or the value means nothing): check the value, or deploy a new app"
    );
    assert_eq!(
        explain(&AppAuth::AlreadyPending { kind: 2, value: HASH, ripeAt: U48::from(RIPE) }),
        format!(
            "device {HASH_WORDS} is proposed already and may be activated from 2026-11-27 14:03 \
             UTC, in 6 d 23 h"
        )
    );
    assert_eq!(
        explain(&AppAuth::ProposalExpired {
            kind: 4,
            value: B256::ZERO,
            expiredAt: U48::from(NOW)
        }),
        "the proposal of dropping the TCB requirement died on 2026-11-20 15:03 UTC and needs a new \
         full notice: propose it again"
    );
    let freeze = B256::with_last_byte(1);
    assert_eq!(
        explain(&AppAuth::NotPending { kind: 9, value: freeze }),
        "no proposal of the freeze of the setting compose hash is pending: propose it first"
    );
}

/// A time that is over is no longer "in" anything.
#[test]
fn a_time_that_has_come_is_only_named() {
    let error = AppAuth::NoticeNotElapsed { kind: 1, value: HASH, ripeAt: U48::from(RIPE) };
    let said = explain_revert(&error.abi_encode(), RIPE).unwrap();
    assert!(said.ends_with(" from 2026-11-27 14:03 UTC"), "{said}");
}

#[test]
fn who_may_not_is_told_who_may() {
    let said = [
        explain(&AppAuth::OwnableUnauthorizedAccount { account: KEY }),
        explain(&AppAuth::NotOwnerOrGuardian { account: KEY }),
        explain(&registry::DeletionRegistry::NotOwnerOrGuardian { app: APP, caller: KEY }),
    ];
    assert_eq!(
        said,
        [
            format!(
                "only the owner may do this (an ownership is accepted by whom it was offered to), \
                 and {KEY_WORDS} is not: use the owner's key"
            ),
            format!(
                "only the owner or the guardian may do this, and {KEY_WORDS} is neither: use the \
                 key of one of them"
            ),
            format!(
                "only the owner or the guardian of {APP_WORDS} may revoke a key, and {KEY_WORDS} \
                 is neither: use the key of one of them"
            ),
        ]
    );
}

#[test]
fn the_factory_names_the_app_that_is_there() {
    assert_eq!(
        explain(&factory::AppAuthFactory::AlreadyDeployed { app: APP }),
        format!(
            "an app with these settings and this salt exists already, at {APP_WORDS}: use it, or \
             choose another salt"
        )
    );
}

/// The numbers are those of `DstackSignatureChain.Part`, in its order.
#[test]
fn the_verifier_names_the_piece_of_the_chain() {
    use verifier::SimpleDstackVerifier as V;
    for (part, words) in [
        (0, "the KMS's signature"),
        (1, "the app key's signature"),
        (2, "the signature under the message"),
        (3, "the app's public key"),
        (4, "the derived public key"),
        (5, "part 5 of the chain"),
    ] {
        assert_eq!(
            explain(&V::SignatureUnrecoverable { part }),
            format!("no key can have made {words}: check that its bytes are complete and in order")
        );
    }
    assert_eq!(
        explain(&V::WrongSigner { part: 1, recovered: APP, expected: KEY }),
        format!(
            "the app key's signature was made by {APP_WORDS} instead of {KEY_WORDS}, or over \
             something else: check app id, keys and purpose, and that the chain is of this KMS"
        )
    );
    assert_eq!(
        explain(&V::PublicKeyPrefix { part: 3, prefix: 4 }),
        "the app's public key starts with 0x04 instead of 0x02 or 0x03: give it compressed"
    );
}

#[test]
fn the_registry_says_what_is_wrong_with_a_statement() {
    use registry::DeletionRegistry as R;
    assert_eq!(
        explain(&R::DeletedInFuture { deletedAt: RIPE, blockTime: U256::from(RIPE - 90) }),
        "the deletion is dated 2026-11-27 14:03 UTC, 1 min 30 s ahead of the block: date it when it \
         was done, or wait"
    );
    assert_eq!(
        explain(&R::DeletedTooLongAgo { deletedAt: NOW, oldest: U256::from(RIPE) }),
        "the deletion is dated 2026-11-20 15:03 UTC, and only those since 2026-11-27 14:03 UTC may \
         still be attested: attest sooner"
    );
    assert_eq!(
        explain(&R::ComposeHashNotAllowed { app: APP, composeHash: HASH, deletedAt: RIPE }),
        format!(
            "{APP_WORDS} does not say that compose hash {HASH_WORDS} was allowed on 2026-11-27 \
             14:03 UTC: check both against the app's history"
        )
    );
    assert_eq!(
        explain(&R::SignerNotRegistered { app: APP, signer: KEY }),
        format!(
            "{KEY_WORDS} is not registered for {APP_WORDS}: register the key first, or check that \
             exactly this statement was signed"
        )
    );
}

#[test]
fn stock_contracts_and_the_compiler_are_explained_too() {
    assert_eq!(
        explain(&OpenZeppelin::AddressEmptyCode { target: APP }),
        format!("no contract is at {APP_WORDS}: check the address and the chain")
    );
    assert_eq!(
        explain(&Panic { code: U256::from(0x11) }),
        "the contract stopped at an error of its own (panic 0x11, arithmetic underflow or overflow) \
         and nothing was changed: check the numbers in the call, and report it"
    );
    assert_eq!(
        explain(&Revert::from("can't: Upgrades are permanently disabled")),
        "the contract says: can't: Upgrades are permanently disabled"
    );
}

/// Who deploys a contract chooses its words: they come to a terminal and a page, and are nobody's
/// message but the contract's.
#[test]
fn a_contracts_own_words_are_short_and_harmless() {
    let nasty = "a\n\u{1b}[2J\r\0\u{202e}\u{200b}\u{85}\\ b";
    assert_eq!(
        explain(&Revert::from(nasty)),
        r"the contract says: a\n\u{1b}[2J\r\0\u{202e}\u{200b}\u{85}\\ b"
    );
    let exact = "é".repeat(200);
    assert_eq!(explain(&Revert::from(exact.as_str())), format!("the contract says: {exact}"));
    let long = "é".repeat(1_000_000);
    assert_eq!(explain(&Revert::from(long.as_str())), format!("the contract says: {exact}..."));
    // Bytes that are no UTF-8 are shown as well as they can be.
    let mut data = Revert::from("abcd").abi_encode();
    data[4 + 64] = 0xff;
    assert_eq!(explain_revert(&data, NOW).unwrap(), "the contract says: \u{fffd}bcd");
}

#[test]
fn other_bytes_are_not_explained() {
    let error = AppAuth::NoticeNotElapsed { kind: 1, value: HASH, ripeAt: U48::MAX }.abi_encode();
    let mut dirty = error.clone();
    dirty[4] = 1; // A kind is one byte.
    let mut bad_length = Revert::from("x").abi_encode();
    bad_length[4 + 32] = 0xff;
    let cases: [&[u8]; 7] =
        [&[], &[1, 2, 3], &[1, 2, 3, 4, 5], &error[..4], &error[..99], &dirty, &bad_length];
    for data in cases {
        assert_eq!(explain_revert(data, NOW), None, "{}", hex::encode(data));
    }
}

/// Any number is a number of seconds to an ABI.
#[test]
fn absurd_times_are_no_panic() {
    let max = U256::MAX;
    let said = [
        explain(&registry::DeletionRegistry::DeletedInFuture {
            deletedAt: u64::MAX,
            blockTime: max,
        }),
        explain(&registry::DeletionRegistry::DeletedTooLongAgo { deletedAt: 0, oldest: max }),
        explain(&AppAuth::NoticePeriodOutOfRange { noticePeriod: max, minimum: max, maximum: max }),
        explain(&AppAuth::NotPending { kind: 9, value: B256::repeat_byte(0xff) }),
        explain(&AppAuth::NotPending { kind: 255, value: B256::repeat_byte(0xff) }),
        explain(&Panic { code: max }),
    ];
    for said in said {
        assert!(said.len() < 400, "{said}");
    }
}

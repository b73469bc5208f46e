//! Signature chains here and in `SimpleDstackVerifier`: the same verdict on everything, and the same error.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

#[allow(dead_code, unreachable_pub, reason = "shared with the other tests")]
#[path = "../support/data.rs"]
mod data;
mod evm;

use alloy_primitives::{Address, Bytes, U256, hex, keccak256, uint};
use alloy_sol_types::{SolCall, SolError};
use devproof_attestation::{
    Concern,
    sigchain::{ChainError, Derived, Part, SignatureChain, address_of, warning},
};
use devproof_contracts::bindings::verifier::SimpleDstackVerifier as Contract;
use evm::Verifier;
use k256::ecdsa::SigningKey;
use proptest::{prelude::*, sample::Index};
use std::{cell::RefCell, sync::LazyLock};

const N: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
const APP: Address = Address::repeat_byte(0xa1);

fn secret(n: u8) -> SigningKey {
    SigningKey::from_slice(&[n; 32]).unwrap()
}

fn public(key: &SigningKey) -> Bytes {
    key.verifying_key().to_encoded_point(true).as_bytes().to_vec().into()
}

/// r || s || recovery id, as a KMS writes it.
fn sign(key: &SigningKey, message: &[u8]) -> Bytes {
    let (signature, id) = key.sign_prehash_recoverable(keccak256(message).as_slice()).unwrap();
    [&signature.to_bytes()[..], &[id.to_byte()]].concat().into()
}

fn root() -> Address {
    address_of(&public(&secret(1))).unwrap()
}

fn vouch(derived_key: Bytes, purpose: &str, app: &SigningKey) -> SignatureChain {
    let app_key = public(app);
    SignatureChain {
        app_id: APP,
        purpose: purpose.to_owned(),
        app_signature: sign(app, format!("{purpose}:{}", hex::encode(&derived_key)).as_bytes()),
        kms_signature: sign(
            &secret(1),
            &[b"dstack-kms-issued:", APP.as_slice(), &app_key].concat(),
        ),
        app_key,
        derived_key,
    }
}

fn good() -> SignatureChain {
    vouch(public(&secret(3)), "ethereum", &secret(2))
}

/// The error as the contract reverts with it.
fn revert(error: &ChainError) -> Vec<u8> {
    let n = |part: Part| part as u8;
    match *error {
        ChainError::SignatureLength { part, length } => {
            Contract::SignatureLength { part: n(part), length: U256::from(length) }.abi_encode()
        }
        ChainError::RecoveryId { part, v } => {
            Contract::SignatureRecoveryId { part: n(part), v }.abi_encode()
        }
        ChainError::HighS { part, s } => Contract::SignatureHighS { part: n(part), s }.abi_encode(),
        ChainError::Unrecoverable { part } => {
            Contract::SignatureUnrecoverable { part: n(part) }.abi_encode()
        }
        ChainError::WrongSigner { part, recovered, expected } => {
            Contract::WrongSigner { part: n(part), recovered, expected }.abi_encode()
        }
        ChainError::KeyLength { part, length } => {
            Contract::PublicKeyLength { part: n(part), length: U256::from(length) }.abi_encode()
        }
        ChainError::KeyPrefix { part, prefix } => {
            Contract::PublicKeyPrefix { part: n(part), prefix }.abi_encode()
        }
        ChainError::NotOnCurve { part, x } => {
            Contract::PublicKeyNotOnCurve { part: n(part), x, y: U256::ZERO }.abi_encode()
        }
        ChainError::ZeroRoot | ChainError::TooLong | ChainError::Malformed(_) => {
            panic!("the contract has no such error: {error}")
        }
    }
}

/// Both verdicts on a chain, which have to be the same.
#[track_caller]
fn agree(
    verifier: &mut Verifier,
    root: Address,
    chain: &SignatureChain,
) -> Result<Derived, ChainError> {
    let here = chain.verify(root);
    let there = verifier.ask(chain.calldata());
    match (&here, &there) {
        (Ok(Derived::Secp256k1(address)), Ok(answer)) => {
            assert_eq!(Contract::verifyCall::abi_decode_returns(answer).unwrap(), *address);
        }
        // No contract can check an ed25519 key, which is too short to be one of its own.
        (Ok(Derived::Ed25519(_)), Err(data)) => {
            let refused =
                Contract::PublicKeyLength { part: Part::DerivedKey as u8, length: U256::from(32) };
            assert_eq!(*data, refused.abi_encode());
        }
        (Err(error), Err(data)) if !chain.is_ed25519() => {
            assert_eq!(*data, revert(error), "{error}");
        }
        (Err(_), Err(_)) => {}
        _ => panic!("here {here:?}, there {there:?}"),
    }
    here
}

fn ours(chain: &SignatureChain) -> Result<Derived, ChainError> {
    agree(&mut Verifier::new(root()), root(), chain)
}

fn changed(change: impl FnOnce(&mut SignatureChain)) -> Result<Derived, ChainError> {
    let mut chain = good();
    change(&mut chain);
    ours(&chain)
}

fn with_byte(bytes: &Bytes, at: usize, change: impl FnOnce(u8) -> u8) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[at] = change(bytes[at]);
    bytes.into()
}

/// The other signature of the same key over the same message.
fn mirrored(signature: &Bytes) -> Bytes {
    let s = N - U256::from_be_slice(&signature[32..64]);
    [&signature[..32], &s.to_be_bytes::<32>(), &[signature[64] ^ 1]].concat().into()
}

#[test]
fn a_good_chain() {
    let derived = address_of(&public(&secret(3))).unwrap();
    assert_eq!(ours(&good()), Ok(Derived::Secp256k1(derived)));
    assert_eq!(
        changed(|c| *c = vouch(public(&secret(3)), "", &secret(2))),
        Ok(Derived::Secp256k1(derived))
    );
    assert_eq!(good().verify(Address::ZERO), Err(ChainError::ZeroRoot));
}

#[test]
fn a_production_chain() {
    let Some(text) = data::text("sigchain-prod7.json") else { return };
    let json = data::json("sigchain-prod7.json").unwrap();
    let chain = SignatureChain::parse(&text).unwrap();
    let root: Address = json["kms_root_address"].as_str().unwrap().parse().unwrap();
    let key: Bytes = json["kms_root_pubkey"].as_str().unwrap().parse().unwrap();
    assert_eq!(address_of(&key), Ok(root));
    let mut verifier = Verifier::new(root);
    assert!(matches!(agree(&mut verifier, root, &chain), Ok(Derived::Secp256k1(_))));
    assert_eq!(chain.warning(root), None);
    for change in [
        |c: &mut SignatureChain| c.purpose = "testnet".to_owned(),
        |c: &mut SignatureChain| c.app_id = APP,
        |c: &mut SignatureChain| c.app_signature = mirrored(&c.app_signature),
        |c: &mut SignatureChain| c.kms_signature = mirrored(&c.kms_signature),
    ] {
        let mut other = chain.clone();
        change(&mut other);
        assert!(agree(&mut verifier, root, &other).is_err());
    }
}

/// The published verifiers take the victim's link and the attacker's own app key.
#[test]
fn an_app_key_that_the_kms_did_not_sign() {
    let attacker = vouch(public(&secret(9)), "ethereum", &secret(8));
    let forged = changed(|c| {
        c.app_signature = attacker.app_signature;
        c.derived_key = attacker.derived_key;
    });
    assert!(matches!(forged, Err(ChainError::WrongSigner { part: Part::AppSignature, .. })));
    let forged = changed(|c| {
        let kms_signature = c.kms_signature.clone();
        *c = vouch(public(&secret(9)), "ethereum", &secret(8));
        c.kms_signature = kms_signature;
    });
    assert!(matches!(forged, Err(ChainError::WrongSigner { part: Part::KmsSignature, .. })));
}

#[test]
fn every_binding() {
    let kms = |result| {
        assert!(matches!(result, Err(ChainError::WrongSigner { part: Part::KmsSignature, .. })))
    };
    let app = |result| {
        assert!(matches!(result, Err(ChainError::WrongSigner { part: Part::AppSignature, .. })))
    };
    kms(changed(|c| c.app_id = Address::repeat_byte(0xa2)));
    kms(changed(|c| c.app_key = public(&secret(8))));
    kms(changed(|c| c.app_key = with_byte(&c.app_key, 0, |b| b ^ 1)));
    kms(changed(|c| c.kms_signature = c.app_signature.clone()));
    app(changed(|c| c.purpose = "Ethereum".to_owned()));
    app(changed(|c| c.purpose = "ethereum:".to_owned()));
    app(changed(|c| c.derived_key = public(&secret(8))));
    app(changed(|c| c.derived_key = with_byte(&c.derived_key, 0, |b| b ^ 1)));
    app(changed(|c| c.app_signature = c.kms_signature.clone()));
    let other = address_of(&public(&secret(8))).unwrap();
    kms(agree(&mut Verifier::new(other), other, &good()));
}

type Field = fn(&mut SignatureChain) -> &mut Bytes;
const SIGNATURES: [(Part, Field); 2] = [
    (Part::KmsSignature, |c| &mut c.kms_signature),
    (Part::AppSignature, |c| &mut c.app_signature),
];
const KEYS: [(Part, Field); 2] =
    [(Part::AppKey, |c| &mut c.app_key), (Part::DerivedKey, |c| &mut c.derived_key)];

#[test]
fn one_encoding_of_signatures() {
    for (part, field) in SIGNATURES {
        for v in [2, 3, 26, 27, 28, 29, 255] {
            let result = changed(|c| *field(c) = with_byte(field(c), 64, |_| v));
            assert_eq!(result, Err(ChainError::RecoveryId { part, v }));
        }
        for length in [0, 1, 64, 66, 130] {
            let result = changed(|c| *field(c) = vec![0; length].into());
            assert_eq!(result, Err(ChainError::SignatureLength { part, length }));
        }
        let result = changed(|c| *field(c) = mirrored(field(c)));
        assert!(matches!(result, Err(ChainError::HighS { part: p, .. }) if p == part));
        let half = N >> 1;
        for (s, high) in [(half, false), (half + U256::ONE, true), (N, true), (U256::MAX, true)] {
            let result = changed(|c| {
                let signature = [&field(c)[..32], &s.to_be_bytes::<32>(), &[0]].concat();
                *field(c) = signature.into();
            });
            assert_eq!(matches!(result, Err(ChainError::HighS { .. })), high, "{s}");
        }
    }
}

#[test]
fn signatures_that_nobody_can_have_made() {
    let unrecoverable = |part, field: Field, r: U256, s: U256| {
        for v in [0, 1] {
            let signature = [&r.to_be_bytes::<32>()[..], &s.to_be_bytes::<32>(), &[v]].concat();
            let result = changed(|c| *field(c) = signature.into());
            assert_eq!(result, Err(ChainError::Unrecoverable { part }), "{r} {s}");
        }
    };
    for (part, field) in SIGNATURES {
        unrecoverable(part, field, U256::ZERO, U256::ZERO);
        unrecoverable(part, field, U256::ZERO, U256::ONE);
        unrecoverable(part, field, U256::ONE, U256::ZERO);
        unrecoverable(part, field, N, U256::ONE);
        unrecoverable(part, field, U256::MAX, U256::ONE);
        // No point of the curve has this x.
        unrecoverable(part, field, U256::from(5), U256::ONE);
    }
}

#[test]
fn one_encoding_of_keys() {
    for (part, field) in KEYS {
        for length in [0, 1, 31, 34, 64, 65] {
            let result = changed(|c| *field(c) = vec![2; length].into());
            assert_eq!(result, Err(ChainError::KeyLength { part, length }));
        }
        for prefix in [0, 1, 4, 5, 6, 255] {
            let result = changed(|c| *field(c) = with_byte(field(c), 0, |_| prefix));
            assert_eq!(result, Err(ChainError::KeyPrefix { part, prefix }));
        }
        let p = uint!(0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f_U256);
        for x in [U256::from(5), U256::ZERO, p, p + U256::ONE, U256::MAX] {
            let key = [&[2][..], &x.to_be_bytes::<32>()].concat();
            let result = changed(|c| *field(c) = key.into());
            assert_eq!(result, Err(ChainError::NotOnCurve { part, x }), "{x}");
        }
    }
    let result = changed(|c| c.app_key = vec![2; 32].into());
    assert_eq!(result, Err(ChainError::KeyLength { part: Part::AppKey, length: 32 }));
}

#[test]
fn ed25519_keys() {
    let chain = vouch(vec![7; 32].into(), "signing", &secret(2));
    assert_eq!(ours(&chain), Ok(Derived::Ed25519([7; 32])));
    let mut other = chain.clone();
    other.derived_key = vec![8; 32].into();
    assert!(matches!(ours(&other), Err(ChainError::WrongSigner { part: Part::AppSignature, .. })));
    other = chain;
    other.app_signature = mirrored(&other.app_signature);
    assert!(matches!(ours(&other), Err(ChainError::HighS { .. })));
}

#[test]
fn roots_of_simulators() {
    let old: Address = "0x8f2cf602c9695b23130367ed78d8f557554de7c5".parse().unwrap();
    let new: Address = "0xa7f6043c00000000000000000000000000000000".parse().unwrap();
    for root in [old, new] {
        assert_eq!(warning(root).map(|w| w.id), Some(Concern::SimulatorRoot));
    }
    assert_eq!(good().warning(root()), None);
    let mut chain = good();
    chain.app_key =
        hex!("02818494263695e8839122dbd88e281d7380622999df4e60a14befa0f2d096fc7c").into();
    assert_eq!(chain.warning(root()).map(|w| w.id), Some(Concern::SimulatorRoot));
}

#[test]
fn chains_as_text() {
    let json = |chain: &SignatureChain| {
        format!(
            r#"{{"app_id":"{:#x}","purpose":"{}","app_pubkey":"{}","derived_pubkey":"{}","app_signature":"{}","kms_signature":"{}","more":1}}"#,
            chain.app_id,
            chain.purpose,
            chain.app_key,
            chain.derived_key,
            chain.app_signature,
            chain.kms_signature
        )
    };
    let text = json(&good());
    assert_eq!(SignatureChain::parse(&text), Ok(good()));
    assert_eq!(SignatureChain::parse(&text.replace("0x", "")), Ok(good()));
    for bad in [
        String::new(),
        "{}".to_owned(),
        text.replace("\"purpose\"", "\"app_id\""),
        text.replace("\"more\"", "\"purpose\""),
        text.replace(&format!("{:#x}", APP), &format!("{:#x}{}", APP, "00".repeat(12))),
        text.replace("\"ethereum\"", "7"),
        text.replacen("0x", "0y", 1),
    ] {
        assert!(matches!(SignatureChain::parse(&bad), Err(ChainError::Malformed(_))), "{bad}");
    }
    assert_eq!(SignatureChain::parse(&" ".repeat(1 << 17)), Err(ChainError::TooLong));
}

thread_local! {
    static VERIFIER: RefCell<Verifier> = RefCell::new(Verifier::new(root()));
}
static GOOD: LazyLock<SignatureChain> = LazyLock::new(good);

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is changed, both say the same about it.
    #[test]
    fn the_same_about_everything(edits in prop::collection::vec((0..4_usize, any::<Index>(), any::<u8>()), 0..4), purpose in prop::option::of(".{0,9}")) {
        let mut chain = GOOD.clone();
        if let Some(purpose) = purpose {
            chain.purpose = purpose;
        }
        for (field, at, byte) in edits {
            let fields: [Field; 4] = [SIGNATURES[0].1, SIGNATURES[1].1, KEYS[0].1, KEYS[1].1];
            let bytes = fields[field](&mut chain);
            *bytes = with_byte(bytes, at.index(bytes.len()), |old| old ^ byte);
        }
        VERIFIER.with_borrow_mut(|verifier| {
            let verdict = agree(verifier, root(), &chain);
            assert_eq!(verdict.is_ok(), chain == *GOOD);
        });
    }
}

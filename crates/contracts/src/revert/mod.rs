//! What a revert means, in one sentence: what is wrong, and what to do.

mod words;

use crate::{
    bindings::{
        AppAuth as app, factory::AppAuthFactory as factory, registry::DeletionRegistry as registry,
        verifier::SimpleDstackVerifier as verifier,
    },
    stock::OpenZeppelin as oz,
};
use alloy_primitives::U256;
use alloy_sol_types::{Panic, Revert, SolError};
use devproof_primitives::span;
use words::{from, name, part, quote, seconds, time, what};

/// Explains the data of a revert of one of our contracts, or of a stock one. `now` is the time of the
/// block at which it reverted, Unix seconds. `None` if the data is no error that any of them has.
#[must_use]
pub fn explain_revert(data: &[u8], now: u64) -> Option<String> {
    // Not in the table: whatever bytes a contract gives as its words, they are shown as well as can be.
    if let Ok(revert) = Revert::abi_decode(data) {
        return Some(format!("the contract says: {}", quote(&revert.reason)));
    }
    sentence(data, now)
}

/// Makes `sentence` of a table with one line an error. An error that two contracts share stands there
/// once; the compiler finds a second one unreachable.
macro_rules! sentences {
    ($now:ident: $($error:ty => |$e:pat_param| $sentence:expr;)*) => {
        fn sentence(data: &[u8], $now: u64) -> Option<String> {
            Some(match *data.first_chunk()? {
                $(<$error>::SELECTOR => {
                    let $e = <$error>::abi_decode_validate(data).ok()?;
                    $sentence.into()
                })*
                _ => return None,
            })
        }
    };
}

// A line an error, however long: it is read across.
sentences! { now:
    // AppAuth: proposals.
    app::NoticeNotElapsed => |e| format!("{} may be activated from {}", what(e.kind, e.value), from(e.ripeAt.to(), now));
    app::ProposalExpired => |e| format!("the proposal of {} died on {} and needs a new full notice: propose it again", what(e.kind, e.value), time(e.expiredAt.to()));
    app::NoticeRequired => |e| notice_required(&e, now);
    app::AlreadyPending => |e| format!("{} is proposed already and may be activated from {}", what(e.kind, e.value), from(e.ripeAt.to(), now));
    app::AlreadyAllowed => |e| format!("{} is in force already: there is nothing to propose", what(e.kind, e.value));
    app::NotPending => |e| format!("no proposal of {} is pending: propose it first", what(e.kind, e.value));
    app::TooManyPending => |e| format!("{} proposals are pending, which is as many as an app may have: cancel one first", e.maximum);
    app::KindFrozen => |e| format!("{} was frozen and can never widen again: only a new app can have this", name(e.kind));
    app::InvalidKind => |e| format!("{} is not a setting that this call takes: 1 to 9 are proposed, and 1, 2, 3 and 5 removed", e.kind);
    app::InvalidValue => |e| format!("{} means nothing here: check the value", what(e.kind, e.value));
    app::UriTooLong => |e| format!("the URI has {} bytes and the most is {}: shorten it", e.length, e.maximum);
    // AppAuth: who may, and what is instant.
    app::OwnableUnauthorizedAccount => |e| format!("only the owner may do this (an ownership is accepted by whom it was offered to), and {} is not: use the owner's key", e.account);
    app::OwnableInvalidOwner => |e| format!("{} cannot be the owner: name another address", e.owner);
    app::NotOwnerOrGuardian => |e| format!("only the owner or the guardian may do this, and {} is neither: use the key of one of them", e.account);
    app::NoticePeriodOutOfRange => |e| format!("a notice of {} is outside of what the contract takes: choose one from {} to {}", seconds(e.noticePeriod), seconds(e.minimum), seconds(e.maximum));
    app::NotAnIncrease => |e| format!("the notice is {} already: only an increase is instant, a decrease has to be proposed", span(e.current.into()));
    app::GuardianAlreadySet => |e| format!("the guardian is {}: replacing one has to be proposed", e.guardian);
    app::OsImagesAlreadyPinned => |_| "the app has a list of OS images: adding to it has to be proposed";
    app::ComposeHashesNotFrozen => |_| "the owner may only leave an app whose compose hashes are frozen: propose that freeze first";
    // AppAuthFactory.
    factory::AlreadyDeployed => |e| format!("an app with these settings and this salt exists already, at {}: use it, or choose another salt", e.app);
    // SimpleDstackVerifier and DstackSignatureChain.
    verifier::ZeroKmsRoot => |_| "the KMS root cannot be the zero address: give the address of the KMS's root key";
    verifier::CouldNotTell => |_| "the check ran out of gas, which is neither yes nor no: ask again with more gas";
    verifier::SignatureLength => |e| format!("{} has {} bytes instead of 65: give r, s and the recovery id side by side", part(e.part), e.length);
    verifier::SignatureRecoveryId => |e| format!("{} ends in {}: the last byte has to be 0 or 1 in a chain, 27 or 28 under a message", part(e.part), e.v);
    verifier::SignatureHighS => |e| format!("{} has an s in the upper half of the group order: give the order minus s, and the other recovery id", part(e.part));
    verifier::SignatureUnrecoverable => |e| format!("no key can have made {}: check that its bytes are complete and in order", part(e.part));
    verifier::WrongSigner => |e| format!("{} was made by {} instead of {}, or over something else: check app id, keys and purpose, and that the chain is of this KMS", part(e.part), e.recovered, e.expected);
    verifier::PublicKeyLength => |e| format!("{} has {} bytes instead of 33: give it compressed", part(e.part), e.length);
    verifier::PublicKeyPrefix => |e| format!("{} starts with {:#04x} instead of 0x02 or 0x03: give it compressed", part(e.part), e.prefix);
    verifier::PublicKeyNotOnCurve => |e| format!("{} is no point of secp256k1: check that its bytes are complete and in order", part(e.part));
    // DeletionRegistry: signers.
    registry::SignerAlreadyRegistered => |e| format!("{} may attest for {} already: there is nothing to register", e.signer, e.app);
    registry::SignerIsRevoked => |e| format!("{} was revoked for {}, which is for good: attest with another key", e.signer, e.app);
    registry::SignerNotRegistered => |e| format!("{} is not registered for {}: register the key first, or check that exactly this statement was signed", e.signer, e.app);
    registry::NotOwnerOrGuardian => |e| format!("only the owner or the guardian of {} may revoke a key, and {} is neither: use the key of one of them", e.app, e.caller);
    // DeletionRegistry: statements.
    registry::DeletedInFuture => |e| format!("the deletion is dated {}, {} ahead of the block: date it when it was done, or wait", time(e.deletedAt), ahead(e.deletedAt, e.blockTime));
    registry::DeletedTooLongAgo => |e| format!("the deletion is dated {}, and only those since {} may still be attested: attest sooner", time(e.deletedAt), time(e.oldest.saturating_to()));
    registry::ComposeHashNotAllowed => |e| format!("{} does not say that compose hash {} was allowed on {}: check both against the app's history", e.app, e.composeHash, time(e.deletedAt));
    registry::NonceAlreadyUsed => |e| format!("{} used the nonce {} before: sign with a new one", e.app, e.nonce);
    registry::RootAlreadyAttested => |e| format!("the root statement {} is attested already: there is nothing to do, unless with another nonce", e.id);
    registry::NoDeletions => |_| "there is no deletion in it, so it states nothing: put one in";
    registry::UnequalLengths => |e| format!("the batch names {} users and {} pieces of data: each deletion needs one of both", e.userIdHashes, e.dataHashes);
    registry::NotEnoughGas => |_| "there is too little gas to ask the app's contract: send it with more gas";
    registry::ZeroSalt => |_| "a salt of zero is a salt that was forgotten: choose a random one";
    // Stock dstack, by way of OpenZeppelin.
    oz::InvalidInitialization => |_| "the contract is initialised already: there is nothing to do";
    oz::NotInitializing => |_| "this part of a contract only works while it is initialised: deploy it through its proxy";
    oz::UUPSUnauthorizedCallContext => |_| "an upgrade has to go through the proxy: call the proxy's address";
    oz::UUPSUnsupportedProxiableUUID => |e| format!("the new implementation is for another kind of proxy ({}): check its address", e.slot);
    oz::ERC1967InvalidImplementation => |e| format!("{} cannot be an implementation: check that a contract with upgrades is deployed there", e.implementation);
    oz::ERC1967NonPayable => |_| "this call takes no money: send none";
    oz::ERC1967ProxyUninitialized => |_| "a proxy has to be initialised as it is deployed: give it the call";
    oz::AddressEmptyCode => |e| format!("no contract is at {}: check the address and the chain", e.target);
    oz::FailedCall => |_| "a call inside of this one failed and said nothing: try that one by itself";
    // The compiler's own.
    Panic => |e| format!("the contract stopped at an error of its own (panic {:#04x}, {}) and nothing was changed: check the numbers in the call, and report it", e.code, e.kind().map_or("unknown", |kind| kind.as_str()));
}

fn notice_required(e: &app::NoticeRequired, now: u64) -> String {
    let what = what(e.kind, e.value);
    if e.earliest == U256::MAX {
        return format!(
            "{what} can never be in force here (the setting is frozen, the app has no owner, or the \
             value means nothing): check the value, or deploy a new app"
        );
    }
    format!(
        "{what} has to be proposed first, and could be in force from {}",
        from(e.earliest.saturating_to(), now)
    )
}

/// How far a time is ahead of another.
fn ahead(time: u64, of: U256) -> String {
    span(time.saturating_sub(of.saturating_to()))
}

//! What a request says, as text, so that everything malformed gets a sentence that names the field, with an example.

use super::ProblemReply;
use crate::{AppFilter, Cursor, Finality, MAX_PAGE, NoticeState, Part, When, parse};
use alloy_primitives::{Address, B256};
use axum::{
    extract::{FromRequestParts, Path, Query},
    http::request::Parts,
};
use serde::{Deserialize, de::DeserializeOwned};
use std::str::FromStr;
use utoipa::IntoParams;

/// The text in the braces of a path.
#[derive(Debug)]
pub(super) struct InPath<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for InPath<T> {
    type Rejection = ProblemReply;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ProblemReply> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(it)| Self(it)).map_err(|_| {
            let why = "the path is not UTF-8 text, or a part of it does not belong there";
            ProblemReply::malformed("path", "/v1/chains/8453/notices", why.to_owned())
        })
    }
}

/// The parameters behind the question mark. An unknown one is refused: a misspelt `finality` must not pass for one.
#[derive(Debug)]
pub(super) struct InQuery<T>(pub(super) T);

/// Parameters that have a sentence about themselves.
pub(super) trait Parameters: DeserializeOwned {
    /// Which there are.
    const ARE: &str;
    /// An example.
    const EXAMPLE: &str;
}

impl<S: Send + Sync, T: Parameters> FromRequestParts<S> for InQuery<T> {
    type Rejection = ProblemReply;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ProblemReply> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(it)| Self(it)).map_err(|_| {
            let why = match T::EXAMPLE {
                "" => T::ARE.to_owned(),
                example => format!("{}, as in {example}, each given once", T::ARE),
            };
            ProblemReply::malformed("query", T::EXAMPLE, why)
        })
    }
}

/// A chain.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(super) struct ChainPath {
    /// EIP-155 chain id.
    #[param(value_type = u64, example = 8453)]
    chain_id: String,
}

/// An app of a chain.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(super) struct AppPath {
    /// EIP-155 chain id.
    #[param(value_type = u64, example = 8453)]
    chain_id: String,
    /// The app id, or its contract. With capitals it has to have the right ones (EIP-55).
    #[param(
        pattern = "^(0x)?[0-9a-fA-F]{40}$",
        example = "0x52908400098527886e0f7030069857d2e4169ee7"
    )]
    app: String,
}

/// An app after a block.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(super) struct AtPath {
    /// EIP-155 chain id.
    #[param(value_type = u64, example = 8453)]
    chain_id: String,
    /// The app id, or its contract.
    #[param(
        pattern = "^(0x)?[0-9a-fA-F]{40}$",
        example = "0x52908400098527886e0f7030069857d2e4169ee7"
    )]
    app: String,
    /// A block number, a block hash, a time in RFC 3339 with its offset, `finalized`, `safe` or `unsafe`.
    #[param(example = "finalized")]
    when: String,
}

/// An app after a block, as it was recorded at a time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(super) struct AsOfPath {
    /// EIP-155 chain id.
    #[param(value_type = u64, example = 8453)]
    chain_id: String,
    /// The app id, or its contract.
    #[param(
        pattern = "^(0x)?[0-9a-fA-F]{40}$",
        example = "0x52908400098527886e0f7030069857d2e4169ee7"
    )]
    app: String,
    /// A block number, a time in RFC 3339 with its offset, `finalized`, `safe` or `unsafe`.
    #[param(example = "finalized")]
    when: String,
    /// The time of the record, RFC 3339 with its offset, by the clock of the machine that wrote the index.
    #[param(value_type = String, format = DateTime, example = "2026-03-03T12:00:00Z")]
    recorded: String,
}

/// A version on a chain.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(super) struct ChainHashPath {
    /// EIP-155 chain id.
    #[param(value_type = u64, example = 8453)]
    chain_id: String,
    /// The compose hash: SHA-256 of the exact bytes of `app-compose.json`.
    #[param(
        pattern = "^(0x)?[0-9a-fA-F]{64}$",
        example = "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )]
    hash: String,
}

/// A commitment on a chain.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(super) struct CommitmentPath {
    /// EIP-155 chain id.
    #[param(value_type = u64, example = 8453)]
    chain_id: String,
    /// The salted commitment to a user.
    #[param(
        pattern = "^(0x)?[0-9a-fA-F]{64}$",
        example = "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )]
    user_id_hash: String,
}

/// A version.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct HashPath {
    /// The compose hash: SHA-256 of the exact bytes of `app-compose.json`.
    #[param(
        pattern = "^(0x)?[0-9a-fA-F]{64}$",
        example = "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )]
    hash: String,
}

/// A family.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct FamilyPath {
    /// Its name.
    #[param(example = "my-product")]
    pub(super) name: String,
}

impl ChainPath {
    pub(super) fn chain(&self) -> Result<u64, ProblemReply> {
        chain(&self.chain_id)
    }
}

impl AppPath {
    pub(super) fn read(&self) -> Result<(u64, Address), ProblemReply> {
        Ok((chain(&self.chain_id)?, app("app", &self.app)?))
    }
}

impl AtPath {
    pub(super) fn read(&self) -> Result<(u64, Address, When), ProblemReply> {
        let when = moment("when", &self.when)?;
        Ok((chain(&self.chain_id)?, app("app", &self.app)?, when))
    }
}

impl AsOfPath {
    pub(super) fn read(&self) -> Result<(u64, Address, When, u64), ProblemReply> {
        let when = moment("when", &self.when)?;
        let recorded = field("recorded", "2026-03-01T12:00:00Z", parse::time(&self.recorded))?;
        Ok((chain(&self.chain_id)?, app("app", &self.app)?, when, recorded))
    }
}

impl ChainHashPath {
    pub(super) fn read(&self) -> Result<(u64, B256), ProblemReply> {
        Ok((chain(&self.chain_id)?, compose_hash("hash", &self.hash)?))
    }
}

impl HashPath {
    pub(super) fn read(&self) -> Result<B256, ProblemReply> {
        compose_hash("hash", &self.hash)
    }
}

impl CommitmentPath {
    pub(super) fn read(&self) -> Result<(u64, B256), ProblemReply> {
        let commitment = parse::commitment(&self.user_id_hash);
        Ok((chain(&self.chain_id)?, field("userIdHash", HASH, commitment)?))
    }
}

/// Declares the parameters of some paths, all as text.
macro_rules! parameters {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident ($are:literal, $example:literal) {
            $($(#[$meta:meta])* $field:ident,)*
        }
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Deserialize, IntoParams)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(super) struct $name {
            $($(#[$meta])* pub(super) $field: Option<String>,)*
        }

        impl Parameters for $name {
            const ARE: &str = $are;
            const EXAMPLE: &str = $example;
        }
    )*};
}

parameters! {
    /// Those of an answer.
    Plain ("the only parameter is finality", "?finality=safe") {
        /// What the answer has to have reached: `finalized` unless said otherwise, on local chains `unsafe`.
        #[param(value_type = Option<Finality>)]
        finality,
    }

    /// None: the answer says itself how final it is.
    Nothing ("this path takes no parameters", "") {}

    /// Those of an answer in pages.
    Paged ("the parameters are finality, limit and after", "?finality=safe&limit=100") {
        /// What the answer has to have reached: `finalized` unless said otherwise, on local chains `unsafe`.
        #[param(value_type = Option<Finality>)]
        finality,
        /// The most entries of a page, 1 to 1000.
        #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
        limit,
        /// The `next` of the page before.
        after,
    }

    /// Those of the question where a version was allowed.
    Allowed ("the parameters are finality, app, limit and after", "?finality=safe&limit=100") {
        /// What the answer has to have reached: `finalized` unless said otherwise, on local chains `unsafe`.
        #[param(value_type = Option<Finality>)]
        finality,
        /// Only this app; then there is only one page.
        app,
        /// The most apps of a page, 1 to 1000.
        #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
        limit,
        /// The `next` of the page before.
        after,
    }

    /// Those of a difference.
    Span ("the parameters are from, to and finality", "?from=1234&to=2026-03-01T12:00:00Z") {
        /// What the answer has to have reached: `finalized` unless said otherwise, on local chains `unsafe`.
        #[param(value_type = Option<Finality>)]
        finality,
        /// Where the span begins: a block or time as in `at/{when}`. What that block did is not part of it.
        #[param(required = true, nullable = false, example = "1234")]
        from,
        /// Where it ends; what that block did is part of it.
        #[param(required = true, nullable = false, example = "finalized")]
        to,
    }

    /// Those of a span in pages.
    PagedSpan (
        "the parameters are from, to, finality, limit and after",
        "?from=2026-03-01T12:00:00Z&limit=100"
    ) {
        /// What the answer has to have reached: `finalized` unless said otherwise, on local chains `unsafe`.
        #[param(value_type = Option<Finality>)]
        finality,
        /// Where the span begins, a block or time as in `at/{when}`; left out: with the index.
        from,
        /// Where it ends; left out: with the last block of the finality asked for.
        to,
        /// The most entries of a page, 1 to 1000.
        #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
        limit,
        /// The `next` of the page before.
        after,
    }

    /// Those of the notices of a chain.
    OfNotices ("the parameters are state, finality, limit and after", "?state=pending&limit=20") {
        /// `open` (which is `pending` and `ripe`, unless said otherwise), `pending`, `ripe`, `expired`, `activated` or `cancelled`.
        #[param(example = "open")]
        state,
        /// What the answer has to have reached: `finalized` unless said otherwise, on local chains `unsafe`.
        #[param(value_type = Option<Finality>)]
        finality,
        /// The most notices of a page, 1 to 1000; no page has more than 100.
        #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
        limit,
        /// The `next` of the page before.
        after,
    }

    /// Those of the notices of an app.
    OfAppNotices ("the parameters are state and finality", "?state=pending") {
        /// `open` (which is `pending` and `ripe`, unless said otherwise), `pending`, `ripe`, `expired`, `activated` or `cancelled`.
        #[param(example = "open")]
        state,
        /// What the answer has to have reached: `finalized` unless said otherwise, on local chains `unsafe`.
        #[param(value_type = Option<Finality>)]
        finality,
    }

    /// Those of what happened on a chain.
    OfChanges (
        "the parameters are app, order, finality, limit and after",
        "?order=newest&limit=20"
    ) {
        /// Only this app, and what KMS contracts did to all.
        #[param(pattern = "^(0x)?[0-9a-fA-F]{40}$", example = "0x52908400098527886e0f7030069857d2e4169ee7")]
        app,
        /// `oldest` first (unless said otherwise), in pages; or the `newest` first, of which there is one page.
        #[param(example = "newest")]
        order,
        /// What the answer has to have reached: `finalized` unless said otherwise, on local chains `unsafe`.
        #[param(value_type = Option<Finality>)]
        finality,
        /// The most changes of a page, 1 to 1000.
        #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
        limit,
        /// The `next` of the answer before.
        after,
    }

    /// Those of a stream of events.
    OfEvents ("the parameters are app, finality and after", "?finality=safe") {
        /// Only this app, and what KMS contracts did to all.
        #[param(pattern = "^(0x)?[0-9a-fA-F]{40}$", example = "0x52908400098527886e0f7030069857d2e4169ee7")]
        app,
        /// What has to be final before it is told: `finalized` unless said otherwise, on local chains `unsafe`.
        #[param(value_type = Option<Finality>)]
        finality,
        /// Where to go on, as `Last-Event-ID` says it, for clients that cannot send that. Without either: from now on.
        after,
    }

    /// Those of the list of apps.
    OfApps (
        "the parameters are id, name, family, owner, composeHash, pending, kind, finality, limit and after",
        "?owner=0x52908400098527886e0f7030069857d2e4169ee7&limit=20"
    ) {
        /// The app id or its contract.
        #[param(pattern = "^(0x)?[0-9a-fA-F]{40}$", example = "0x52908400098527886e0f7030069857d2e4169ee7")]
        id,
        /// A part of what people call it, in lower or upper case: of the name of a family that it is declared to belong to.
        #[param(example = "product")]
        name,
        /// A family that it is declared to belong to, by its whole name.
        #[param(example = "my-product")]
        family,
        /// Its owner.
        #[param(pattern = "^(0x)?[0-9a-fA-F]{40}$", example = "0x52908400098527886e0f7030069857d2e4169ee7")]
        owner,
        /// A compose hash that it allows or has announced.
        #[param(
            pattern = "^(0x)?[0-9a-fA-F]{64}$",
            example = "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )]
        compose_hash,
        /// `true`: only those that announced something that can still come into force.
        #[param(value_type = Option<bool>)]
        pending,
        /// The code that decides: `app_auth`, `app_auth_test`, `dstack_app`, `legacy_app_auth`, `timelock_app_auth` or
        /// `unknown`.
        #[param(example = "app_auth")]
        kind,
        /// What the answer has to have reached: `finalized` unless said otherwise, on local chains `unsafe`.
        #[param(value_type = Option<Finality>)]
        finality,
        /// The most apps of a page, 1 to 1000; no page has more than 100.
        #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
        limit,
        /// The `next` of the page before.
        after,
    }
}

impl OfApps {
    pub(super) fn filter(&self) -> Result<AppFilter, ProblemReply> {
        let address =
            |name, text: &Option<String>| text.as_deref().map(|text| app(name, text)).transpose();
        let hash = self.compose_hash.as_deref().map(|text| compose_hash("composeHash", text));
        let pending = match self.pending.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                let why = format!("pending is true or false, not {}", parse::quote(other));
                return Err(ProblemReply::malformed("pending", "true", why));
            }
        };
        Ok(AppFilter {
            id: address("id", &self.id)?,
            name: self.name.clone(),
            family: self.family.clone(),
            owner: address("owner", &self.owner)?,
            compose_hash: hash.transpose()?,
            pending,
            kind: self.kind.as_deref().map(kind).transpose()?,
        })
    }
}

const ADDRESS: &str = "0x52908400098527886e0f7030069857d2e4169ee7";
const HASH: &str = "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn field<T>(
    name: &'static str,
    example: &'static str,
    read: Result<T, String>,
) -> Result<T, ProblemReply> {
    read.map_err(|why| ProblemReply::malformed(name, example, why))
}

pub(super) fn chain(text: &str) -> Result<u64, ProblemReply> {
    // As a number is written, so that an answer has one address.
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let read = Some(text).filter(|_| plain).and_then(|text| text.parse().ok());
    field(
        "chainId",
        "8453",
        read.ok_or_else(|| {
            format!("a chain id is a decimal number such as 8453, not {}", parse::quote(text))
        }),
    )
}

pub(super) fn app(name: &'static str, text: &str) -> Result<Address, ProblemReply> {
    field(name, ADDRESS, parse::app(text))
}

fn compose_hash(name: &'static str, text: &str) -> Result<B256, ProblemReply> {
    field(name, HASH, parse::compose_hash(text))
}

fn kind(text: &str) -> Result<devproof_contracts::Code, ProblemReply> {
    let known = devproof_contracts::Code::ALL.into_iter().find(|kind| kind.name() == text);
    field(
        "kind",
        "app_auth",
        known.ok_or_else(|| {
            let names = devproof_contracts::Code::ALL.map(|kind| kind.name()).join(", ");
            format!("a kind of code is one of {names}, not {}", parse::quote(text))
        }),
    )
}

/// The finality that was named, if one was.
pub(super) fn named_finality(text: Option<&str>) -> Result<Option<Finality>, ProblemReply> {
    let read = |name: &str| {
        let quoted = parse::quote(name);
        field("finality", "safe", name.parse().map_err(|why| format!("{why}, not {quoted}")))
    };
    text.map(read).transpose()
}

/// The finality that was named, or the default of the chain.
pub(super) fn finality(text: Option<&str>, chain_id: u64) -> Result<Finality, ProblemReply> {
    Ok(named_finality(text)?.unwrap_or_else(|| Finality::default_of(chain_id)))
}

/// A block by number, hash or tag, or a time that cannot be mistaken for one.
pub(super) fn moment(name: &'static str, text: &str) -> Result<When, ProblemReply> {
    field(name, "finalized", parse::moment(text))
}

/// An end of a span, if it was named.
pub(super) fn end(name: &'static str, text: Option<&str>) -> Result<Option<When>, ProblemReply> {
    text.map(|text| moment(name, text)).transpose()
}

/// An end of a span that has to be named.
pub(super) fn must_end(name: &'static str, text: Option<&str>) -> Result<When, ProblemReply> {
    let example = "name both ends of the span, as in ?from=1234&to=2026-03-01T12:00:00Z";
    let text = text.ok_or_else(|| ProblemReply::malformed(name, "1234", example.to_owned()))?;
    moment(name, text)
}

/// Which states of notices.
pub(super) fn state(text: Option<&str>) -> Result<NoticeState, ProblemReply> {
    let read = text.map(|text| field("state", "pending", text.parse())).transpose()?;
    Ok(read.unwrap_or_default())
}

/// Something that reads itself from its text, behind which a page begins.
pub(super) fn after<C: FromStr<Err = String>>(
    text: Option<&str>,
) -> Result<Option<C>, ProblemReply> {
    text.map(|text| field("after", "the next of the page before", text.parse())).transpose()
}

/// Which part of an answer in pages.
pub(super) fn part<C>(limit: Option<&str>, after: Option<C>) -> Result<Part<C>, ProblemReply> {
    let limit = limit.map(|text| field("limit", "100", parse::limit(text))).transpose()?;
    Ok(Part { limit: limit.unwrap_or(MAX_PAGE), after })
}

/// The part behind a cursor.
pub(super) fn page(
    limit: Option<&str>,
    behind: Option<&str>,
) -> Result<Part<Cursor>, ProblemReply> {
    part(limit, after(behind)?)
}

/// The part behind an app.
pub(super) fn page_of_apps(
    limit: Option<&str>,
    behind: Option<&str>,
) -> Result<Part<Address>, ProblemReply> {
    part(limit, behind.map(|text| app("after", text)).transpose()?)
}

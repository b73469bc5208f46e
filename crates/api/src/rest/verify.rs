//! What evidence proves. Whoever asks hands the evidence over: nothing that he names is fetched, and nobody is asked but
//! who the service is configured to ask.

use super::{
    AppState, ProblemReply,
    input::{self, InQuery, Nothing},
    problem::Problems,
    reply,
};
use crate::{
    AnswerError, Finality, Surface, When, answers,
    documents::{AskVerify, BootInfo, VerifiedEvidence},
    parse, put_attested, put_untold, which,
};
use axum::{
    body::{Body, to_bytes},
    extract::State,
    http::HeaderMap,
    response::Response,
};
use devproof_attestation::{
    Collateral, Evidence, KmsKeys, Policy, ReportData, TrustAnchor, limits,
    sigchain::SignatureChain,
};
use devproof_chain::Node;
use devproof_evidence::{ChainAsked, Challenge, Examined, Examiner, Exhibit};
use jiff::Timestamp;
use serde_json::value::RawValue;
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};
use tokio::{
    sync::Semaphore,
    task::spawn_blocking,
    time::{error::Elapsed, timeout},
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The most bytes of a question: a document of evidence with collateral and compose file beside it.
const MAX_QUESTION: usize = limits::DOCUMENT + (3 << 20);
/// How long a question may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(15);
/// How long the answer may take: collateral and other verifiers have 15 s each.
const PATIENCE: Duration = Duration::from_secs(60);
/// Questions that may arrive at a time; each takes as much memory as it is long.
const ARRIVING: usize = 16;
/// Questions that are answered at a time.
const ANSWERING: usize = 4;

/// How evidence is verified here.
#[derive(Clone, Debug)]
pub struct Verification {
    examiner: Examiner,
    nodes: Arc<BTreeMap<u64, Node>>,
    root: TrustAnchor,
    arriving: Arc<Semaphore>,
    answering: Arc<Semaphore>,
}

impl Verification {
    /// Asks whom the examiner asks, and these nodes about KMS contracts and challenges.
    #[must_use]
    pub fn new(examiner: Examiner, nodes: impl IntoIterator<Item = Node>) -> Self {
        let nodes = nodes.into_iter().map(|node| (node.chain_id(), node)).collect();
        Self {
            examiner,
            nodes: Arc::new(nodes),
            root: TrustAnchor::Intel,
            arriving: Arc::new(Semaphore::new(ARRIVING)),
            answering: Arc::new(Semaphore::new(ANSWERING)),
        }
    }

    /// Holds quotes against another root than Intel's: for tests.
    #[must_use]
    pub fn with_root(self, root: TrustAnchor) -> Self {
        Self { root, ..self }
    }
}

pub(super) fn all() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(verify))
}

/// What evidence of an instance proves: its hardware, its system, its app, its keys, and whether a KMS allows it.
///
/// Quotes are verified here, with collateral that is handed over or that the service gets from where it is configured to.
/// Nothing that the question names is fetched. A row that rests on the word of somebody else says so.
#[utoipa::path(
    post, path = "/v1/verify", tag = "evidence", operation_id = "verify",
    request_body = AskVerify, responses((status = 200, body = VerifiedEvidence), Problems)
)]
async fn verify(
    State(state): State<AppState>,
    InQuery(Nothing {}): InQuery<Nothing>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ProblemReply> {
    let Some(verification) = state.verification() else { return Err(ProblemReply::no_path()) };
    let too_slow = |_: Elapsed| ProblemReply::too_slow();
    let arrived = async {
        let _place = verification.arriving.acquire().await.map_err(|_| ProblemReply::internal())?;
        let body = to_bytes(body, MAX_QUESTION).await;
        body.map_err(|_| ProblemReply::too_large(MAX_QUESTION))
    };
    let body = timeout(ARRIVAL, arrived).await.map_err(too_slow)??;
    let answer = async {
        let _place =
            verification.answering.acquire().await.map_err(|_| ProblemReply::internal())?;
        let root = verification.root.clone();
        let read = spawn_blocking(move || Question::read(&body, root)).await;
        let question = read.map_err(|_| ProblemReply::internal())??;
        Ok::<_, ProblemReply>(examine(&state, verification, question).await)
    };
    let examined = timeout(PATIENCE, answer).await.map_err(too_slow)??;
    Ok(reply::document(&examined.verdict, &headers))
}

async fn examine(state: &AppState, verification: &Verification, question: Question) -> Examined {
    let Question { exhibit, chain_id, kms, at } = question;
    let node = chain_id.and_then(|id| verification.nodes.get(&id));
    let wanted = kms.is_some() || exhibit.challenge.is_some();
    let block = which(at.unwrap_or(When::Tag(Finality::Unsafe)));
    let mut examiner = verification.examiner.clone();
    examiner.chain = node
        .zip(block)
        .filter(|_| wanted)
        .map(|(node, block)| ChainAsked::new(node.clone(), kms, block));
    let policy = exhibit.policy.clone();
    let mut examined = examiner.examine(exhibit).await;
    let (Some(chain_id), Some(boot)) = (chain_id, &examined.verdict.boot_info) else {
        return examined;
    };
    let boot = BootInfo::from(boot);
    let usual = Finality::default_of(chain_id);
    let (to, least) = match (examined.to, at) {
        (Some(block), _) => (When::Hash(block.hash), Finality::Unsafe),
        (None, Some(when)) => (when, Finality::Unsafe),
        (None, None) => (When::Tag(usual), usual),
    };
    let span = (examined.from.map(|block| When::Hash(block.hash)), to);
    let headers = state.headers(chain_id);
    let told = answers::attested(state.store(), headers, chain_id, &boot, span, least).await;
    let (by, verdict) = ("the index of this service", &mut examined.verdict);
    match told {
        Ok(told) => put_attested(verdict, &policy, &told, by, kms),
        Err(error) => {
            if matches!(error, AnswerError::Store(_)) {
                tracing::error!(%error, "no answer");
            }
            put_untold(verdict, &policy, &error.sentence(Surface::Rest), by);
        }
    }
    examined
}

/// What was asked, read and within its limits.
struct Question {
    exhibit: Exhibit,
    chain_id: Option<u64>,
    kms: Option<alloy_primitives::Address>,
    at: Option<When>,
}

impl Question {
    fn read(body: &[u8], root: TrustAnchor) -> Result<Self, ProblemReply> {
        let asked: AskVerify = serde_json::from_slice(body).map_err(|e| malformed("body", &e))?;
        let evidence = evidence(&asked)?;
        let text = |raw: &RawValue| raw.get().to_owned();
        let collateral = asked.collateral.as_deref().map(|raw| Collateral::parse(raw.get()));
        let collateral = collateral.transpose().map_err(|e| malformed("collateral", &e))?;
        let chain = asked.signature_chain.as_deref().map(|raw| SignatureChain::parse(raw.get()));
        let chain = chain.transpose().map_err(|e| malformed("signatureChain", &e))?;
        let challenge = asked.challenge.as_deref().map(|raw| Challenge::parse(&text(raw)));
        let challenge = challenge.transpose().map_err(|e| malformed("challenge", &e))?;
        if challenge.is_some() && asked.report_data.is_some() {
            return Err(malformed(
                "reportData",
                &"it stands beside a challenge, which says the same",
            ));
        }
        let report_data = asked.report_data.as_deref().map(str::parse::<ReportData>);
        let report_data = report_data.transpose().map_err(|e| malformed("reportData", &e))?;
        let policy = asked.policy.as_deref().map(Policy::from_toml);
        let policy = policy.transpose().map_err(|e| malformed("policy", &e))?.unwrap_or_default();
        let time = asked.time.as_deref().map(parse::time);
        let time = time.transpose().map_err(|e| malformed("time", &e))?;
        let at = asked.at.as_deref().map(|text| input::moment("at", text)).transpose()?;
        if matches!(at, Some(When::Time(_))) {
            return Err(malformed("at", &"it is a block, not a time"));
        }
        let compose = asked.app_compose.map(String::into_bytes);
        if compose.as_ref().is_some_and(|bytes| bytes.len() > limits::APP_COMPOSE) {
            return Err(malformed("appCompose", &"it is longer than such a file may be"));
        }
        let now = || u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let chain_id = asked.chain_id.or(challenge.as_ref().map(|it| it.chain_id));
        if chain_id.is_none() && (asked.kms.is_some() || at.is_some()) {
            return Err(malformed("chainId", &"a KMS or a block is named, and no chain"));
        }
        let exhibit = Exhibit {
            now: time.or(evidence.time).unwrap_or_else(now),
            root,
            collateral: collateral.or_else(|| evidence.collateral.clone()),
            compose,
            report_data,
            kms: KmsKeys { ca: asked.kms_ca_key, k256: asked.kms_root_key },
            chain,
            challenge,
            policy,
            evidence,
        };
        Ok(Self { exhibit, chain_id, kms: asked.kms, at })
    }
}

/// The evidence of the instance that was named, or of the only one.
fn evidence(asked: &AskVerify) -> Result<Evidence, ProblemReply> {
    let raw = asked.evidence.get();
    let read = if raw.starts_with('"') {
        let text: String = serde_json::from_str(raw).map_err(|e| malformed("evidence", &e))?;
        Evidence::read(text.as_bytes())
    } else {
        Evidence::read(raw.as_bytes())
    };
    let mut all = read.map_err(|e| malformed("evidence", &e))?;
    let place = match (asked.instance, all.len()) {
        (Some(instance), _) => all.iter().position(|it| it.instance.unwrap_or(0) == instance),
        (None, 1) => Some(0),
        (None, many) => {
            let why = format!("the evidence is of {many} instances; name one");
            return Err(malformed("instance", &why));
        }
    };
    let none = || malformed("instance", &"the evidence has no such instance with a quote");
    place.map(|place| all.swap_remove(place)).ok_or_else(none)
}

/// A reply about a field, in words that may be somebody else's.
fn malformed(field: &'static str, why: &dyn fmt::Display) -> ProblemReply {
    let why: String = why.to_string().chars().filter(|c| !c.is_control()).take(300).collect();
    ProblemReply::malformed(field, EXAMPLE, format!("{field}: {why}"))
}

const EXAMPLE: &str =
    r#"{"evidence": {"quote": "040002008100…", "event_log": "[…]"}, "chainId": 8453}"#;

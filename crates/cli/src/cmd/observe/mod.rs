//! `devproof observe` and `devproof observed`: what verified quotes show of instances, taken down while they are alive.

mod asking;
mod document;
mod words;

pub use document::{Freshness, Look, Seen, Unreached};
pub use words::{list as render_list, look as render};
pub(super) use words::{result, seen_as as identity};

use crate::{
    Failure, Outcome,
    cmd::{
        self,
        evidence::{examiner, judged},
        input,
        stop::Stop,
        verify::index::{Asked, consult},
    },
    config::Settings,
    opts::{JudgeArgs, ObserveArgs, ObservedArgs},
    shell::Shell,
    text::shown,
};
use alloy_primitives::Address;
use asking::Given;
use devproof_api::{Part, alerts::of_observed, observations};
use devproof_attestation::{CheckId, Instance, Outcome as Result_, Verdict, compare, limits};
use devproof_evidence::{ChainAsked, Examiner, Which, named};
use devproof_observe::{Capture, FindError, TakeDownError, Target, find, seen_as, take_down};
use devproof_store::{BlockRef, Store};
use jiff::Timestamp;
use std::{
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// Runs `devproof observe`.
///
/// # Errors
/// What keeps it from looking. What is wrong with one place is in the answer.
pub async fn run(
    args: ObserveArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let services = settings.services(args.judge.services.clone())?;
    let examiner = examiner(&services, args.judge.offline)?;
    let policy = match &args.judge.policy {
        Some(path) => Some(input::text(path, limits::POLICY)?.into_bytes()),
        None => None,
    };
    let store = Store::open(&settings.database).await?;
    let chain_id = cmd::chain(&settings, &store).await?;
    if store.chain(chain_id).await?.is_none() {
        let why =
            format!("chain {chain_id} is not in {}; run `devproof index` first", store.name());
        return Err(Failure::CouldNotTell(why));
    }
    let name = settings.families.name_of(chain_id, Some(args.app));
    let finality = settings.finality(None, chain_id);
    let target = Target { chain_id, app: args.app, name, finality };
    let ObserveArgs { from, judge, kms, .. } = args;
    if kms.is_some() && (judge.offline || settings.nodes.urls.is_empty()) {
        return Err(Failure::Usage(
            "a KMS contract is asked through a node; name one with --rpc-url".to_owned(),
        ));
    }
    let looking = Looking { store, examiner, target, policy, from, judge, kms, settings };
    let Some(every) = args.every else {
        let look = looking.look().await?;
        shell.answer(&look, || render(&look))?;
        return Ok(look.outcome());
    };
    let stop = Stop::listen();
    let every = Duration::from_secs(every.into());
    shell.note(&format!("Looking every {} s; Ctrl-C stops.", every.as_secs()));
    let mut outcome = Outcome::Yes;
    loop {
        let next = Instant::now() + every;
        // What is half looked at when somebody stops us is not taken down.
        let look = tokio::select! {
            look = looking.look() => look,
            () = stop.clone().wait() => return Ok(outcome),
        };
        match look {
            Ok(look) => {
                shell.answer(&look, || render(&look))?;
                outcome = worse(outcome, look.outcome());
            }
            Err(Failure::CouldNotTell(why)) => {
                shell.warn(&format!("{why}. It is tried again."));
                outcome = worse(outcome, Outcome::CouldNotTell);
            }
            Err(other) => return Err(other),
        }
        tokio::select! {
            () = sleep_until(next) => {}
            () = stop.clone().wait() => return Ok(outcome),
        }
    }
}

const fn worse(one: Outcome, other: Outcome) -> Outcome {
    match (one, other) {
        (Outcome::No, _) | (_, Outcome::No) => Outcome::No,
        (Outcome::CouldNotTell, _) | (_, Outcome::CouldNotTell) => Outcome::CouldNotTell,
        (Outcome::Yes, Outcome::Yes) => Outcome::Yes,
    }
}

struct Looking {
    store: Store,
    examiner: Examiner,
    target: Target,
    policy: Option<Vec<u8>>,
    from: Vec<PathBuf>,
    judge: JudgeArgs,
    kms: Option<Address>,
    settings: Settings,
}

impl Looking {
    /// Looks at all places once.
    async fn look(&self) -> Result<Look, Failure> {
        let is_intel_root = self.judge.root_ca.is_none();
        let Target { chain_id, finality, .. } = self.target;
        let node = asking::node(&self.settings, chain_id, self.judge.offline).await?;
        let (node, not_asked) = match node {
            Ok(node) => (Some(node), None),
            Err(why) => (None, Some(why)),
        };
        // Not one that the index knows: the keys of whoever is asked close who a machine is, so that somebody has to name it.
        let kms = self.kms;
        let mut examiner = self.examiner.clone();
        examiner.chain = node.clone().map(|node| ChainAsked::new(node, kms, Which::Latest));
        let mut seen: Vec<Seen> = Vec::new();
        let (mut verdicts, mut unreached): (Vec<Verdict>, Vec<Unreached>) = Default::default();
        for place in &self.from {
            let source = shown(&source(place));
            let given = match asking::fetch(place, self.judge.offline, node.as_ref()).await {
                Ok(given) => given,
                Err(Failure::CouldNotTell(why)) => {
                    unreached.push(Unreached { source, why });
                    continue;
                }
                Err(other) => return Err(other),
            };
            let Given { fetched, declared, challenge } = given;
            // After it was there, so that it was then.
            let seen_at = now();
            for evidence in fetched.evidence {
                let number = evidence.instance;
                let mut exhibit = judged(&self.judge, evidence)?;
                exhibit.report_data = declared.clone();
                exhibit.challenge.clone_from(&challenge);
                let policy = exhibit.policy.clone();
                let mut examined = examiner.examine(exhibit).await;
                let from = examined.from;
                if kms.is_none() {
                    // The node was asked about no boot, and the index need not have those blocks yet.
                    (examined.from, examined.to) = (None, None);
                }
                let asked = Asked { chain_id, finality, block: None, kms: self.kms };
                consult(&self.store, asked, node.as_ref(), &mut examined, &policy).await;
                examined.from = from;
                // An index that is behind says nothing of the time after the challenge.
                let after = |to: &BlockRef| from.is_none_or(|from| to.number >= from.number);
                examined.to = examined.to.filter(after);
                let capture = Capture {
                    source: source.clone(),
                    document: &fetched.document,
                    examined: &examined,
                    policy: self.policy.as_deref(),
                    asked_for: declared.is_some(),
                    is_intel_root,
                    seen_at,
                };
                let recorded = take_down(&self.store, &self.target, &capture).await;
                let recorded = recorded.map_err(|error| match error {
                    TakeDownError::Store(error) => Failure::from(error),
                    other => Failure::CouldNotTell(other.to_string()),
                })?;
                let freshness =
                    asking::freshness(&examined, declared.as_ref(), not_asked.as_deref());
                let place = (source.clone(), number);
                seen.push(Seen::of(place, &examined.verdict, is_intel_root, freshness, recorded));
                verdicts.push(examined.verdict);
            }
        }
        Ok(Look { node_not_asked: not_asked, ..self.conclude(seen, &verdicts, unreached).await? })
    }

    async fn conclude(
        &self,
        seen: Vec<Seen>,
        verdicts: &[Verdict],
        unreached: Vec<Unreached>,
    ) -> Result<Look, Failure> {
        // Only what was taken down counts: whoever shows a forged quote must not make anybody alarmed.
        let taken: Vec<(&Seen, &Verdict)> =
            seen.iter().zip(verdicts).filter(|(seen, _)| seen.taken_down.is_some()).collect();
        let comparison = (taken.len() > 1).then(|| {
            let of = |(seen, verdict): &(&Seen, &Verdict)| {
                Instance::of(seen.source.clone(), seen.number, verdict)
            };
            let verdicts: Vec<Verdict> =
                taken.iter().map(|(_, verdict)| (*verdict).clone()).collect();
            compare(taken.iter().map(of).collect(), &verdicts)
        });
        let is_intel_root = self.judge.root_ca.is_none();
        let judged: Vec<_> = taken.iter().map(|(_, verdict)| (*verdict, is_intel_root)).collect();
        let seen_at = now();
        let found = find(&self.store, &self.target, &judged, comparison.as_ref(), seen_at).await;
        let found = found.map_err(|FindError::Store(error)| Failure::from(error))?;
        let chain_not_told =
            found.chain.as_ref().map(|error| error.sentence(devproof_api::Surface::Cli));
        Ok(Look {
            chain_id: self.target.chain_id,
            app: self.target.app,
            seen_at: devproof_api::documents::time(seen_at),
            seen,
            unreached,
            comparison,
            alerts: found.new.iter().filter_map(of_observed).collect(),
            still: found
                .all
                .iter()
                .filter(|it| !found.new.contains(it))
                .filter_map(of_observed)
                .collect(),
            chain_not_told,
            node_not_asked: None,
        })
    }
}

impl Seen {
    fn of(
        (source, number): (String, Option<usize>),
        verdict: &Verdict,
        is_intel_root: bool,
        freshness: Freshness,
        recorded: Result<devproof_store::Recorded, devproof_observe::NotObserved>,
    ) -> Self {
        let identity = &verdict.identity;
        let (taken_down, why_not) = match recorded {
            Ok(recorded) => (Some(document::word(recorded)), None),
            Err(why) => (None, Some(why.to_string())),
        };
        Self {
            source,
            number,
            quote: verdict.quote,
            instance_id: identity.instance_id.map(|id| format!("{id:#x}")),
            compose_hash: identity.compose_hash.map(|hash| hash.0),
            identity: seen_as(verdict, is_intel_root),
            freshness,
            allowed: verdict.check(CheckId::IsAppAllowed).cloned(),
            result: match verdict.overall {
                Result_::NotEvaluated => Result_::Inconclusive,
                other => other,
            },
            decisive: verdict.decisive.iter().map(|id| id.name().to_owned()).collect(),
            warnings: verdict.warnings.clone(),
            taken_down,
            why_not,
        }
    }
}

/// A place without anything secret.
fn source(place: &Path) -> String {
    match place.to_str() {
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => named(url),
        _ => place.display().to_string(),
    }
}

fn now() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or_default()
}

/// Runs `devproof observed`.
///
/// # Errors
/// If the app is not known, or nothing is kept under the hash.
pub async fn list(
    args: ObservedArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let store = Store::open_read_only(&settings.database).await?;
    if let Some(hash) = args.kept {
        let kept = store.archived(hash).await?;
        let nothing = || {
            Failure::CouldNotTell(format!(
                "nothing is kept under {hash:#x}: nothing was, or `devproof db prune-evidence` dropped it"
            ))
        };
        let kept = kept.ok_or_else(nothing)?;
        let mut out = std::io::stdout().lock();
        out.write_all(&kept)?;
        out.flush()?;
        return Ok(Outcome::Yes);
    }
    let chain_id = cmd::chain(&settings, &store).await?;
    let finality = settings.finality(args.finality, chain_id);
    let limit = args.limit.map_or(devproof_api::MAX_PAGE, std::num::NonZeroUsize::get);
    let part = Part { limit, after: args.after };
    let found = observations(&store, chain_id, args.app, part, finality).await?;
    shell.answer(&found, || render_list(&found))?;
    Ok(if found.observations.is_empty() { Outcome::No } else { Outcome::Yes })
}

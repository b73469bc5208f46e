//! From evidence to a verdict, with everybody asked who may be.

use crate::{
    AskError, Challenge, Collaterals, Found, Http, Origin, Standing, Verifier, Which, ask,
    authorisation, kms_info, resolve, rows,
};
use alloy_primitives::Address;
use devproof_attestation::{
    Check, CheckId, Collateral, Evidence, KmsKeys, Outcome, Policy, Question, ReportData, TdxQuote,
    TrustAnchor, Verdict, backend::combine, sigchain::SignatureChain, verify,
};
use devproof_chain::{ChainError, Node};
use devproof_primitives::BlockRef;
use std::sync::Arc;

/// Who is asked. Nobody but those that are in here.
#[derive(Clone, Debug)]
pub struct Examiner {
    /// The client that asks verifiers.
    pub http: Http,
    /// Who verifies. Without [`Verifier::Local`] nothing about the hardware is found out here.
    pub verifiers: Vec<Verifier>,
    /// Where collateral is looked for.
    pub collaterals: Collaterals,
    /// The chain that is asked, if one is.
    pub chain: Option<ChainAsked>,
}

/// A chain that is asked, and what about.
#[derive(Clone, Debug)]
pub struct ChainAsked {
    /// The node.
    pub node: Node,
    /// Its name, since the rows rest on its word.
    pub name: String,
    /// The KMS contract; without one only the block of a challenge is asked about.
    pub kms: Option<Address>,
    /// After which block.
    pub block: Which,
}

impl ChainAsked {
    /// Asks a node, named by where it is.
    #[must_use]
    pub fn new(node: Node, kms: Option<Address>, block: Which) -> Self {
        let name = node.name();
        Self { node, name, kms, block }
    }
}

/// A verdict, and what of the chain it rests on.
#[derive(Clone, Debug)]
pub struct Examined {
    /// The verdict.
    pub verdict: Verdict,
    /// The block that the quote is known to lie behind.
    pub from: Option<BlockRef>,
    /// The block after which the chain was asked.
    pub to: Option<BlockRef>,
    /// The collateral that the quote was judged by.
    pub collateral: Option<Collateral>,
}

/// What is examined, and under which demands. As [`Question`], but owned.
#[derive(Clone, Debug)]
pub struct Exhibit {
    /// The evidence.
    pub evidence: Evidence,
    /// The time at which to judge, Unix seconds.
    pub now: u64,
    /// The root that the quote must lead to.
    pub root: TrustAnchor,
    /// Collateral that was handed over; none is looked for then.
    pub collateral: Option<Collateral>,
    /// The app-compose.json that is said to run, to the byte.
    pub compose: Option<Vec<u8>>,
    /// What the quote must have been made for.
    pub report_data: Option<ReportData>,
    /// The keys of the KMS.
    pub kms: KmsKeys,
    /// A chain of keys of the app.
    pub chain: Option<SignatureChain>,
    /// What the quote must have been made for, in place of `report_data`.
    pub challenge: Option<Challenge>,
    /// What is demanded.
    pub policy: Policy,
}

impl Exhibit {
    fn verify(&self) -> Verdict {
        verify(&Question {
            evidence: &self.evidence,
            now: self.now,
            root: &self.root,
            collateral: self.collateral.as_ref(),
            compose: self.compose.as_deref(),
            report_data: self.report_data.as_ref(),
            kms: &self.kms,
            chain: self.chain.as_ref(),
            policy: &self.policy,
        })
    }
}

impl Examiner {
    /// The verdict.
    pub async fn examine(&self, mut exhibit: Exhibit) -> Examined {
        if let Some(challenge) = &exhibit.challenge {
            exhibit.report_data = Some(challenge.declared());
        }
        let Some(asked) = &self.chain else {
            let (mut verdict, collateral) = self.verdict(exhibit.clone()).await;
            fresh(&mut verdict, &exhibit, None, None);
            return Examined { verdict, from: None, to: None, collateral };
        };
        let to = resolve(&asked.node, asked.block).await;
        let mut keys_at = None;
        if let (Ok(to), Some(kms)) = (&to, asked.kms) {
            // A KMS that gives none is one that was never told; the rows say that there is nothing to compare with.
            if let Ok(info) = kms_info(&asked.node, kms, *to).await {
                let KmsKeys { ca, k256 } = info.keys.clone();
                exhibit.kms.ca = exhibit.kms.ca.or(ca);
                exhibit.kms.k256 = exhibit.kms.k256.or(k256);
                keys_at = Some((kms, *to, info));
            }
        }
        let (mut verdict, collateral) = self.verdict(exhibit.clone()).await;
        if let Some((kms, block, info)) = keys_at {
            rows::keys_from(&mut verdict, &exhibit.policy, asked, kms, block);
            let (row, warning) = self.kms_quote(&exhibit, asked, (kms, block), &info).await;
            verdict.put([row], &exhibit.policy);
            verdict.warnings.extend(warning);
        }
        let standing = match &exhibit.challenge {
            Some(challenge) => Some(challenge.standing(&asked.node).await),
            None => None,
        };
        let from = fresh(&mut verdict, &exhibit, standing.as_ref(), Some(asked));
        let end = to.as_ref().ok().copied();
        if let Some(kms) = asked.kms {
            self.ask_kms(&mut verdict, &exhibit.policy, asked, kms, from, to).await;
        }
        Examined { verdict, from, to: end, collateral }
    }

    async fn ask_kms(
        &self,
        verdict: &mut Verdict,
        policy: &Policy,
        asked: &ChainAsked,
        kms: Address,
        from: Option<BlockRef>,
        to: Result<BlockRef, AskError>,
    ) {
        let Some(boot) = verdict.boot_info.clone() else {
            let why = "what the KMS would have to be asked is not known: the quote or its log does not verify";
            return rows::could_not(verdict, policy, why, None);
        };
        let found = async {
            let to = to?;
            let found = authorisation(&asked.node, kms, &boot, from, to).await?;
            Ok((found, to, asked.node.heads().await.ok()))
        };
        rows::of_kms(verdict, policy, asked, kms, &found.await);
    }

    /// The verdict, but for the rows about a chain, and the collateral that it is by.
    pub(crate) async fn verdict(&self, mut exhibit: Exhibit) -> (Verdict, Option<Collateral>) {
        let local = self.verifiers.contains(&Verifier::Local);
        let found = match &exhibit.collateral {
            _ if !local => {
                exhibit.collateral = None;
                Err("this machine was not to verify the quote".to_owned())
            }
            Some(_) => Err(String::new()),
            None => self.find(&exhibit).await,
        };
        if let Ok(found) = &found {
            exhibit.collateral = Some(found.collateral.clone());
        }
        let exhibit = Arc::new(exhibit);
        let asked = ask(&self.http, &self.verifiers, &exhibit.evidence);
        let verified = {
            let exhibit = Arc::clone(&exhibit);
            // Signatures take a millisecond, a log of a megabyte many: not on a thread that serves others.
            tokio::task::spawn_blocking(move || exhibit.verify())
        };
        let (opinions, verdict) = futures::join!(asked, verified);
        // It is pure and does not panic; should it, then here is a place that may wait for it.
        let mut verdict = verdict.unwrap_or_else(|_| exhibit.verify());
        match found {
            Ok(found) => self.tell(&found, &mut verdict, &exhibit.policy).await,
            Err(why) if exhibit.collateral.is_none() => {
                let row = Check::new(CheckId::Collateral, Outcome::Inconclusive, why);
                // A quote that cannot be read needs none.
                if verdict.quote.is_some() {
                    verdict.put([row], &exhibit.policy);
                }
            }
            Err(_) => {}
        }
        (combine(verdict, &opinions, &exhibit.policy), exhibit.collateral.clone())
    }

    async fn find(&self, exhibit: &Exhibit) -> Result<Found, String> {
        let quote = TdxQuote::parse(exhibit.evidence.quote.clone()).map_err(|e| e.to_string())?;
        self.collaterals.find(&quote, exhibit.now).await.map_err(|e| e.to_string())
    }

    /// Says in the row where collateral came from, and keeps what serves.
    async fn tell(&self, found: &Found, verdict: &mut Verdict, policy: &Policy) {
        let Some(row) = verdict.check(CheckId::Collateral).cloned() else { return };
        let (collaterals, kept, serves) =
            (self.collaterals.clone(), found.clone(), verdict.clone());
        let kept = tokio::task::spawn_blocking(move || collaterals.keep(&kept, &serves)).await;
        let kept = match kept {
            Ok(Ok(kept)) => kept,
            Ok(Err(error)) => {
                tracing::warn!(%error, "collateral could not be kept");
                false
            }
            Err(_) => false,
        };
        let (from, how) = match &found.origin {
            Origin::Kept => ("cache".to_owned(), String::new()),
            Origin::Instead(why) => {
                ("cache".to_owned(), format!("; kept from before, since {why}"))
            }
            Origin::Service(url) => (url.clone(), String::new()),
        };
        let how = format!("{}{how}", row.how);
        let row = Check { how, ..row }.detail("from", from).detail("archived", kept);
        verdict.put([row], policy);
    }
}

/// Fills in the row about the challenge, and gives the block behind which the quote was made.
fn fresh(
    verdict: &mut Verdict,
    exhibit: &Exhibit,
    standing: Option<&Result<Standing, ChainError>>,
    asked: Option<&ChainAsked>,
) -> Option<BlockRef> {
    let challenge = exhibit.challenge.as_ref()?;
    let (row, warning, from) = rows::freshness(verdict, challenge, standing, asked);
    verdict.put([row], &exhibit.policy);
    verdict.warnings.extend(warning);
    from
}

//! From evidence to a verdict, with everybody asked who may be.

use crate::{Collaterals, Found, Http, Origin, Verifier, ask};
use devproof_attestation::{
    Check, CheckId, Collateral, Evidence, KmsKeys, Outcome, Policy, Question, ReportData, TdxQuote,
    TrustAnchor, Verdict, backend::combine, sigchain::SignatureChain, verify,
};
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
    /// The verdict. The rows about a chain are for others to fill in ([`Verdict::put`]).
    pub async fn examine(&self, mut exhibit: Exhibit) -> Verdict {
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
        combine(verdict, &opinions, &exhibit.policy)
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

//! Collateral: from services and from disk, and never when it is out of date.

use crate::{
    server::{Server, quick},
    support::{
        data,
        machine::{Machine, World},
        pki::{self, NOW, Options, Pki},
    },
};
use devproof_attestation::{
    CheckId, Collateral, Evidence, KmsKeys, Outcome, Policy, Question, TdxQuote, TrustAnchor,
    Verdict, verify,
};
use devproof_evidence::{CacheError, Collaterals, Found, Http, Origin, Pccs};
use std::{fs, path::Path, sync::Arc};
use tempfile::TempDir;

const DAY: u64 = 86_400;

fn collaterals(services: &[&Server], folder: &Path) -> Collaterals {
    let services = services.iter().map(|it| Pccs::new(&it.url).unwrap()).collect();
    Collaterals::new(Http::new(quick()).unwrap(), services, Some(folder.to_owned()))
}

struct Asked {
    world: World,
    evidence: Evidence,
    quote: TdxQuote,
    folder: TempDir,
}

impl Asked {
    fn new(options: Options) -> Self {
        let world = World::new(options);
        let evidence = Machine::default().evidence(&world.pki);
        let quote = TdxQuote::parse(evidence.quote.clone()).unwrap();
        Self { world, evidence, quote, folder: TempDir::new().unwrap() }
    }

    fn verdict(&self, collateral: &Collateral, now: u64) -> Verdict {
        judge(&self.evidence, collateral, &self.world.root, now)
    }

    /// Finds, verifies, keeps.
    async fn round(&self, services: &[&Server], now: u64) -> Result<Found, CacheError> {
        let collaterals = collaterals(services, self.folder.path());
        let found = collaterals.find(&self.quote, now).await?;
        collaterals.keep(&found, &self.verdict(&found.collateral, now)).unwrap();
        Ok(found)
    }

    fn files(&self) -> usize {
        fs::read_dir(self.folder.path()).unwrap().count()
    }
}

fn judge(evidence: &Evidence, collateral: &Collateral, root: &TrustAnchor, now: u64) -> Verdict {
    verify(&Question {
        evidence,
        now,
        root,
        collateral: Some(collateral),
        compose: None,
        report_data: None,
        kms: &KmsKeys::default(),
        chain: None,
        policy: &Policy::default(),
    })
}

fn result(verdict: &Verdict, id: CheckId) -> Outcome {
    verdict.check(id).unwrap().result
}

#[tokio::test]
async fn from_a_service_then_from_disk() {
    let asked = Asked::new(Options::default());
    let server = Server::pccs(asked.world.pki.collateral()).await;
    let found = asked.round(&[&server], NOW).await.unwrap();
    assert_eq!(found.origin, Origin::Service(format!("{}/", server.url)));
    assert_eq!(result(&asked.verdict(&found.collateral, NOW), CheckId::Hardware), Outcome::Pass);
    assert_eq!((server.asked(), asked.files()), (4, 1));
    // From then on nobody is asked, and the bytes are the same.
    let again = asked.round(&[&server], NOW + DAY).await.unwrap();
    assert_eq!((again.origin, server.asked()), (Origin::Kept, 4));
    assert_eq!(again.collateral.digest(), found.collateral.digest());
    // Nor for another quote of the family: nothing in it is of the first one's platform.
    let other = Machine { mrtd: [9; 48], ..Machine::default() }.evidence(&asked.world.pki);
    let verdict = judge(&other, &again.collateral, &asked.world.root, NOW);
    assert_eq!(result(&verdict, CheckId::Hardware), Outcome::Pass);
    // Years later, at its own time, without anybody.
    let archived = asked.round(&[], NOW).await.unwrap();
    assert_eq!(archived.collateral.digest(), found.collateral.digest());
}

/// `nextUpdate` of the test PKI is 2026-03-22, three weeks after `NOW`.
#[tokio::test]
async fn what_is_out_of_date_is_never_used() {
    let asked = Asked::new(Options::default());
    let server = Server::pccs(asked.world.pki.collateral()).await;
    asked.round(&[&server], NOW).await.unwrap();
    let broken = Server::saying(500, "").await;
    // In its last week newer is asked for, and the old one serves where there is none.
    let found = asked.round(&[&broken], NOW + 20 * DAY).await.unwrap();
    let Origin::Instead(why) = &found.origin else { panic!("{:?}", found.origin) };
    assert!(why.contains("HTTP status 500"), "{why}");
    // The first second that it does not cover.
    let last = found.collateral.next_update().unwrap().as_second() as u64;
    assert!(asked.round(&[], last - 1).await.is_ok());
    assert!(matches!(asked.round(&[], last).await, Err(CacheError::NobodyAsked)));
    let error = asked.round(&[&broken], last).await.unwrap_err();
    assert!(matches!(error, CacheError::NotHad(_)), "{error}");
    // Nor what a service gives.
    assert!(matches!(asked.round(&[&server], last).await, Err(CacheError::NotHad(_))));
    assert!(matches!(asked.round(&[], NOW - 30 * DAY).await, Err(CacheError::NobodyAsked)));
}

/// The revocation lists count as well: that of the platform's CA ends first here.
#[test]
fn the_earliest_end_counts() {
    let options = Options { next_update: "2031-01-01T00:00:00Z", ..Options::default() };
    let collateral = Collateral::parse(&Pki::new(options).collateral().to_string()).unwrap();
    assert_eq!(collateral.next_update().unwrap().to_string(), "2030-01-01T00:00:00Z");
}

#[tokio::test]
async fn what_did_not_serve_is_not_kept() {
    let asked = Asked::new(Options::default());
    // Signed by others.
    let server = Server::pccs(World::new(Options::default()).pki.collateral()).await;
    let found = asked.round(&[&server], NOW).await.unwrap();
    assert_eq!(
        result(&asked.verdict(&found.collateral, NOW), CheckId::Hardware),
        Outcome::Inconclusive
    );
    assert_eq!(asked.files(), 0);
}

#[tokio::test]
async fn what_a_service_hides_is_not_forgotten() {
    let asked = Asked::new(Options { evaluation: 21, ..Options::default() });
    let now = Server::pccs(asked.world.pki.collateral()).await;
    asked.round(&[&now], NOW).await.unwrap();
    let older = Options { evaluation: 20, issued: "2026-02-25T00:00:00Z", ..Options::default() };
    let older = Server::pccs(Pki::new(older).collateral()).await;
    let found = asked.round(&[&older], NOW + 18 * DAY).await.unwrap();
    assert_eq!(found.collateral.evaluation_data_number(), Some(21));
    assert!(matches!(found.origin, Origin::Instead(why) if why.contains("older")));
}

#[tokio::test]
async fn files_that_are_damaged_are_passed_over() {
    let asked = Asked::new(Options::default());
    let server = Server::pccs(asked.world.pki.collateral()).await;
    asked.round(&[&server], NOW).await.unwrap();
    let file = fs::read_dir(asked.folder.path()).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&file).unwrap();
    // Still collateral, but not that of the name.
    fs::write(&file, format!("{text} ")).unwrap();
    assert!(matches!(asked.round(&[], NOW).await, Err(CacheError::NobodyAsked)));
    fs::write(&file, "{").unwrap();
    let found = asked.round(&[&server], NOW).await.unwrap();
    assert!(matches!(found.origin, Origin::Service(_)));
}

#[tokio::test]
async fn services_that_misbehave() {
    let asked = Asked::new(Options::default());
    let mut other = asked.world.pki.collateral();
    let text = other["tcb_info"].as_str().unwrap();
    other["tcb_info"] =
        text.replace(&alloy_primitives::hex::encode(pki::FMSPC), "000000000000").into();
    let bad = [
        Server::saying(500, "oops").await,
        Server::saying(404, "").await,
        Server::saying(200, "<html>").await,
        Server::saying(200, "").await,
        Server::saying(200, vec![b' '; 2 << 20]).await,
        Server::pccs(other).await,
    ];
    for server in &bad {
        let error = asked.round(&[server], NOW).await.unwrap_err();
        assert!(matches!(error, CacheError::NotHad(_)), "{error}");
    }
    // The next one is asked.
    let good = Server::pccs(asked.world.pki.collateral()).await;
    let found = asked.round(&[&bad[0], &bad[2], &good], NOW).await.unwrap();
    assert_eq!(found.origin, Origin::Service(format!("{}/", good.url)));
}

/// What a real host's quote needs, through the same way: nothing that Intel signed is changed by a byte.
#[tokio::test]
async fn real_collateral() {
    let Some(collateral) = data::json("collateral-90c06f-2026-02.json") else { return };
    let document = data::text("dstack-quote-report.json").unwrap();
    let evidence = Evidence::read(document.as_bytes()).unwrap().remove(0);
    let quote = TdxQuote::parse(evidence.quote.clone()).unwrap();
    let server = Server::pccs(collateral).await;
    let folder = TempDir::new().unwrap();
    let collaterals = collaterals(&[&server], folder.path());
    let found = collaterals.find(&quote, 1_771_500_000).await.unwrap();
    let verdict = judge(&evidence, &found.collateral, &TrustAnchor::Intel, 1_771_500_000);
    for id in [CheckId::Hardware, CheckId::Collateral, CheckId::Tcb] {
        assert_eq!(result(&verdict, id), Outcome::Pass);
    }
    assert!(collaterals.keep(&found, &verdict).unwrap());
}

#[tokio::test]
async fn many_at_once_keep_one() {
    let asked = Arc::new(Asked::new(Options::default()));
    let server = Arc::new(Server::pccs(asked.world.pki.collateral()).await);
    let rounds = (0..8).map(|_| {
        let (asked, server) = (Arc::clone(&asked), Arc::clone(&server));
        tokio::spawn(async move { asked.round(&[&server], NOW).await.unwrap() })
    });
    for round in rounds.collect::<Vec<_>>() {
        round.await.unwrap();
    }
    assert_eq!(asked.files(), 1);
}

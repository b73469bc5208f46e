//! Keys that are elsewhere: AWS KMS, behind a server that answers as it does and one that misbehaves, and a Ledger that is not there.

use crate::bench::{OWNER, Said, World, said};
use devproof_testkit::aws_kms::{AwsKms, Mood};
use std::{
    process::Command,
    time::{Duration, Instant},
};

const PROPOSE: [&str; 4] = ["propose", "APP", "--setting=device=0xd2", "--yes"];
const CANCEL: [&str; 4] = ["cancel", "APP", "--setting=device=0xd2", "--yes"];
const SECRET: &str = "wJalrXUtnFEMI";

/// The owner's key in AWS KMS, and the app.
struct Cloud {
    world: World,
    kms: AwsKms,
}

impl Cloud {
    async fn new() -> Self {
        let world = World::new().await;
        let kms = AwsKms::holding(&world.bench.anvil.key(OWNER).unwrap()).await.unwrap();
        Self { world, kms }
    }

    /// The binary, with the credentials and the place of the service in its environment.
    fn command(&self) -> Command {
        let mut command = self.world.command();
        let ours = std::env::vars_os().filter(|(k, _)| k.to_string_lossy().starts_with("AWS_"));
        for (name, _) in ours {
            command.env_remove(name);
        }
        command.envs(self.kms.environment());
        command
    }

    fn run(&self, args: &[&str], key: &str) -> Said {
        let mut command = self.command();
        let told = said(command.args(self.world.arguments(args)).args(["--aws-kms-key", key]));
        assert!(!told.out.contains(SECRET) && !told.err.contains(SECRET), "{told:?}");
        told
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_aws_kms_announces_and_withdraws_by_each_of_its_names() {
    let cloud = Cloud::new().await;
    let before = cloud.world.sent(OWNER).await;
    let arn = cloud.kms.arn();
    for (n, name) in (1_u64..).zip([AwsKms::KEY_ID, &arn, "alias/owner"]) {
        // Signatures of both kinds come from AWS, and a chain takes only those with the low s.
        for (args, mood) in [(PROPOSE, Mood::Honest), (CANCEL, Mood::HighS)] {
            cloud.kms.set(mood);
            let told = cloud.run(&args, name);
            assert_eq!(told.code, 0, "{name}: {told:?}");
            assert!(told.out.contains(&cloud.kms.address().to_string()), "{told:?}");
        }
        assert_eq!(cloud.world.sent(OWNER).await, before + 2 * n);
    }
    assert_eq!(cloud.kms.asked(), ["GetPublicKey", "Sign"].repeat(6));
    // Its region is that of the ARN, whatever else is said.
    let mut command = cloud.command();
    command.env_remove("AWS_REGION").args(cloud.world.arguments(&PROPOSE));
    let told = said(command.env("DEVPROOF_AWS_KMS_KEY", &arn).arg("-vv"));
    assert_eq!(told.code, 0, "{told:?}");
    assert!(!told.err.contains(SECRET), "{told:?}");
    // And the configuration may name it.
    cloud.world.file("devproof.toml", "aws-kms-key = \"alias/owner\"\n");
    let told = said(cloud.command().args(cloud.world.arguments(&CANCEL)));
    assert_eq!(told.code, 0, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_signature_of_the_key_over_this_is_not_sent() {
    let cloud = Cloud::new().await;
    let before = cloud.world.sent(OWNER).await;
    for mood in [Mood::OtherKey, Mood::OtherMessage] {
        cloud.kms.set(mood.clone());
        let told = cloud.run(&PROPOSE, AwsKms::KEY_ID);
        assert_eq!(told.code, 2, "{mood:?}: {told:?}");
        assert!(
            told.err.contains("signed with another key than the one it showed before"),
            "{told:?}"
        );
    }
    assert_eq!(cloud.world.sent(OWNER).await, before);
    cloud.kms.set(Mood::Honest);
    assert_eq!(cloud.run(&PROPOSE, AwsKms::KEY_ID).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_aws_says_no_the_reader_is_told_what_to_do() {
    let cloud = Cloud::new().await;
    let before = cloud.world.sent(OWNER).await;
    for (mood, advice) in [
        (
            Mood::RefusesToSign("AccessDeniedException", "no \u{1b}[31mright"),
            "needs the right kms:Sign",
        ),
        (Mood::RefusesToSign("DisabledException", "it is off"), "enable the key"),
        (Mood::Refuses(400, "NotFoundException", "no such key"), "check the id and the region"),
        (Mood::Refuses(500, "KMSInternalException", "oops"), "run it again in a while"),
        (Mood::Says("<html>"), "AWS KMS answered something that cannot be read"),
    ] {
        cloud.kms.set(mood.clone());
        let told = cloud.run(&PROPOSE, AwsKms::KEY_ID);
        assert_eq!(told.code, 2, "{mood:?}: {told:?}");
        assert!(told.err.contains(advice), "{mood:?}: {told:?}");
        assert!(!told.err.contains('\u{1b}'), "{told:?}");
    }
    assert_eq!(cloud.world.sent(OWNER).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_answer_is_not_waited_for_without_end() {
    let cloud = Cloud::new().await;
    let before = cloud.world.sent(OWNER).await;
    cloud.kms.set(Mood::Slow(Duration::from_secs(600)));
    let since = Instant::now();
    let told = cloud.run(&PROPOSE, AwsKms::KEY_ID);
    assert_eq!(told.code, 2, "{told:?}");
    assert!(told.err.contains("AWS KMS did not answer in time, and nothing was sent"), "{told:?}");
    assert!(since.elapsed() < Duration::from_secs(40), "{:?}", since.elapsed());
    assert_eq!(cloud.world.sent(OWNER).await, before);
    // One that only takes its time is waited for.
    cloud.kms.set(Mood::Slow(Duration::from_secs(2)));
    assert_eq!(cloud.run(&PROPOSE, AwsKms::KEY_ID).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_looks_at_it_and_signs_nothing() {
    let cloud = Cloud::new().await;
    let told = cloud.run(&["doctor"], AwsKms::KEY_ID);
    assert!(told.out.contains(&format!("is the key of {}", cloud.kms.address())), "{told:?}");
    assert_eq!(cloud.kms.asked(), ["GetPublicKey"]);
    cloud.kms.set(Mood::Refuses(400, "AccessDeniedException", "no"));
    let told = cloud.run(&["doctor"], AwsKms::KEY_ID);
    assert!(told.code == 2 && told.out.contains("needs the right kms:GetPublicKey"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_ledger_there_is_one_sentence() {
    let world = World::new().await;
    for args in [&PROPOSE[..], &["doctor"]] {
        let told = said(world.command().args(world.arguments(args)).arg("--ledger"));
        assert_eq!(told.code, 2, "{told:?}");
        let all = format!("{}{}", told.out, told.err);
        let known =
            all.contains("no Ledger is plugged in") || all.contains("USB devices of this machine");
        assert!(known && !all.contains("panicked"), "{told:?}");
    }
    let told = said(world.command().args(world.arguments(&PROPOSE)).args([
        "--ledger",
        "--ledger-path",
        "44/60",
    ]));
    assert_eq!(told.code, 64, "{told:?}");
    assert!(told.err.contains("write it like m/44'/60'/0'/0/0"), "{told:?}");
}

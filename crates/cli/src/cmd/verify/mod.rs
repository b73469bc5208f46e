//! `devproof verify`: what evidence proves, row by row.

use crate::{
    Failure, Outcome,
    cmd::input,
    opts::VerifyArgs,
    shell::Shell,
    text::{shown, table, time},
};
use devproof_attestation::{
    Check, Collateral, Evidence, KmsKeys, Outcome as Result_, Policy, Question, Subject,
    TrustAnchor, Verdict, limits, sigchain::SignatureChain, verify,
};
use jiff::Timestamp;
use std::path::Path;

/// Runs the command.
///
/// # Errors
/// If the evidence is none, or an option makes no sense.
pub fn run(args: VerifyArgs, shell: &mut Shell) -> Result<Outcome, Failure> {
    let evidence = evidence(&args)?;
    let collateral = args.collateral.as_deref().map(collateral).transpose()?;
    let root = match &args.root_ca {
        Some(path) => TrustAnchor::read(&input::bytes(path, limits::CERTIFICATE_FILE)?)
            .map_err(|e| unfit(path, &e))?,
        None => TrustAnchor::Intel,
    };
    let policy = match &args.policy {
        Some(path) => {
            Policy::from_toml(&input::text(path, limits::POLICY)?).map_err(|e| unfit(path, &e))?
        }
        None => Policy::default(),
    };
    let compose = match &args.compose {
        Some(path) => {
            let bytes = input::bytes(path, limits::APP_COMPOSE)?;
            if bytes.len() > limits::APP_COMPOSE {
                let max = limits::APP_COMPOSE;
                return Err(unfit(path, &format!("an app-compose.json has at most {max} bytes")));
            }
            Some(bytes)
        }
        None => None,
    };
    let chain = match &args.signature_chain {
        Some(path) => Some(
            SignatureChain::parse(&input::text(path, limits::SIGNATURE_CHAIN)?)
                .map_err(|e| unfit(path, &e))?,
        ),
        None => None,
    };
    let now = args.time.or(evidence.time);
    let now = now.or_else(|| u64::try_from(Timestamp::now().as_second()).ok());
    let verdict = verify(&Question {
        evidence: &evidence,
        now: now.unwrap_or_default(),
        root: &root,
        collateral: collateral.as_ref().or(evidence.collateral.as_ref()),
        compose: compose.as_deref(),
        report_data: args.report_data.as_ref(),
        kms: &KmsKeys { ca: args.kms_ca_key, k256: args.kms_root_key },
        chain: chain.as_ref(),
        policy: &policy,
    });
    shell.answer(&verdict, || render(&verdict))?;
    Ok(match verdict.overall {
        Result_::Pass => Outcome::Yes,
        Result_::Fail => Outcome::No,
        Result_::Inconclusive | Result_::NotEvaluated => Outcome::CouldNotTell,
    })
}

fn evidence(args: &VerifyArgs) -> Result<Evidence, Failure> {
    let path = &args.evidence;
    let document = input::bytes(path, limits::DOCUMENT)?;
    let mut all = Evidence::read(&document).map_err(|e| {
        Failure::CouldNotTell(shown(&format!("{} is no evidence: {e}", path.display())))
    })?;
    let wanted = match (args.instance, all.len()) {
        (Some(instance), _) => all.iter().position(|e| e.instance.unwrap_or(0) == instance),
        (None, 1) => Some(0),
        (None, many) => {
            return Err(Failure::Usage(format!(
                "the evidence is of {many} instances; name one with --instance"
            )));
        }
    };
    match wanted {
        Some(place) => Ok(all.swap_remove(place)),
        None => Err(Failure::Usage("the evidence has no such instance with a quote".to_owned())),
    }
}

fn collateral(path: &Path) -> Result<Collateral, Failure> {
    let json = input::text(path, limits::COLLATERAL)?;
    Collateral::parse(&json).map_err(|e| unfit(path, &e))
}

fn unfit(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::Usage(shown(&format!("{}: {why}", path.display())))
}

/// The verdict in words.
#[must_use]
pub fn render(verdict: &Verdict) -> String {
    let rows: Vec<_> = verdict.decisive.iter().map(|id| id.name()).collect();
    let rows = if rows.is_empty() { "too few verifiers".to_owned() } else { rows.join(", ") };
    let mut text = match verdict.overall {
        Result_::Pass => "Every row that the policy requires passes".to_owned(),
        Result_::Fail => format!("Does not hold as the policy requires it: {rows}"),
        Result_::Inconclusive | Result_::NotEvaluated => {
            format!("Could not be told, and the policy requires it: {rows}")
        }
    };
    if let Some(at) = verdict.time {
        text.push_str(&format!(" (as of {})", time(at)));
    }
    text.push_str(".\n");
    for warning in &verdict.warnings {
        text.push_str(&format!("WARNING: {}\n", shown(&warning.message)));
    }
    let rows: Vec<_> = verdict.checks.iter().map(row).collect();
    text.push_str(&format!("\n{}\n", table(["check", "result", "how"], &rows)));
    text.push_str(&identity(&verdict.identity));
    text
}

fn row(check: &Check) -> [String; 3] {
    let result = match check.result {
        Result_::Pass => "pass",
        Result_::Fail => "FAIL",
        Result_::Inconclusive => "could not tell",
        Result_::NotEvaluated => "not looked at",
    };
    [check.id.name().to_owned(), result.to_owned(), shown(&check.how)]
}

fn identity(subject: &Subject) -> String {
    let mut text = if subject.proved {
        "Proved to be\n".to_owned()
    } else {
        "Claims to be, which is not proved\n".to_owned()
    };
    let provider = subject.key_provider.as_ref();
    let lines = [
        ("app", subject.app_id.map(|id| format!("{id:#x}"))),
        ("version", subject.compose_hash.map(|hash| hash.to_string())),
        ("instance", subject.instance_id.map(|id| format!("{id:#x}"))),
        ("keys from", provider.map(|(kind, id)| format!("{} {id}", kind.name()))),
        ("OS image", subject.os_image_hash.map(|hash| hash.to_string())),
    ];
    for (name, value) in lines {
        text.push_str(&format!("  {name:<9}  {}\n", value.as_deref().unwrap_or("not said")));
    }
    text
}

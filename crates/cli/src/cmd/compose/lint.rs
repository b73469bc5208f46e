//! `devproof compose lint`: what an operator could do with it.

use super::{
    sarif,
    source::{Loaded, load},
};
use crate::{
    Failure, Outcome,
    opts::{Format, LintArgs},
    shell::Shell,
    text::{count, shown},
};
use devproof_compose::{
    ComposeHash,
    lint::{Context, Finding, Report, Severity, lint},
};

pub(super) async fn run(args: LintArgs, shell: &mut Shell) -> Result<Outcome, Failure> {
    let Loaded { document, origin, os_image } = load(&args.source).await?;
    let context = Context {
        claimed_hash: args.compose_hash.map(ComposeHash).or(origin.claimed_hash),
        os_image: args.os_image.or(os_image),
    };
    let report = lint(&document, &context);
    match args.format {
        None => shell.answer(&report, || {
            let from =
                if origin.self_report { origin.words(report.compose_hash) } else { String::new() };
            from + &render(&report)
        })?,
        Some(Format::Text) => shell.print(&render(&report))?,
        Some(Format::Json) => shell.document(&report)?,
        Some(Format::Sarif) => shell.document(&sarif::log(&report, &origin.source))?,
        Some(Format::Github) => shell.print(&github(&report, &origin.source))?,
    }
    let denied = args.deny.severity().is_some_and(|deny| report.gravest() >= Some(deny));
    if !denied && report.unreadable() {
        let why = "part of the file could not be read, so what was found says nothing about it";
        return Err(Failure::CouldNotTell(why.to_owned()));
    }
    Ok(if denied { Outcome::No } else { Outcome::Yes })
}

fn render(report: &Report) -> String {
    let total = count(report.findings.len(), "finding");
    let mut text = format!("{} has {total}.\n", report.compose_hash);
    for Finding { rule, severity, place, message, fix, .. } in &report.findings {
        text.push_str(&format!(
            "\n{rule} {severity}: {}\n  {}\n  Mend it: {}\n",
            shown(place),
            shown(message),
            shown(fix)
        ));
    }
    if report.findings.is_empty() {
        text.push_str(
            "Rules see only what they look for: this is no statement that the app is harmless.\n",
        );
    }
    text
}

/// Commands that GitHub shows beside the lines of a pull request.
fn github(report: &Report, file: &str) -> String {
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escaped(text).replace(':', "%3A").replace(',', "%2C");
    let line = |it: &Finding| {
        let level = match it.severity {
            Severity::Critical | Severity::High => "error",
            Severity::Medium => "warning",
            Severity::Low | Severity::Note => "notice",
        };
        format!(
            "::{level} file={},line={},title={}::{}\n",
            property(file),
            it.line,
            property(&format!("{} {} {}", it.rule, it.severity, shown(&it.place))),
            escaped(&format!("{} {}", shown(&it.message), shown(&it.fix))),
        )
    };
    report.findings.iter().map(line).collect()
}

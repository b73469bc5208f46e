//! The file itself.

use super::{Check, Verdict};
use devproof_compose::{
    AppCompose,
    lint::{Context, Finding, Rule, Severity, lint},
    signs,
};

/// Rules about what code an image is.
const IMAGES: [Rule; 3] = [Rule::C1, Rule::C2, Rule::C10];

/// Looks at an `app-compose.json` that is to be announced.
#[must_use]
pub fn file(document: &AppCompose) -> Vec<Check> {
    let report = lint(document, &Context::default());
    let of_images = |it: &&Finding| IMAGES.contains(&it.rule) && it.severity >= Severity::Medium;
    let (images, others): (Vec<_>, Vec<_>) = report.findings.iter().partition(of_images);
    let mut checks = vec![match images.first() {
        _ if report.unreadable() => Check::new(
            "images",
            Verdict::Fail,
            "Part of the file could not be read, so that nobody can tell whether its images are pinned.",
        ),
        Some(first) => Check::new(
            "images",
            Verdict::Fail,
            format!(
                "Not every image is pinned by its digest ({} of them): {} {}",
                images.len(),
                first.place,
                first.message
            ),
        ),
        None => Check::new("images", Verdict::Pass, "Every image is pinned by its digest."),
    }];
    let grave: Vec<_> = others.iter().filter(|it| it.severity >= Severity::High).collect();
    checks.push(match grave.first() {
        Some(first) => Check::new(
            "lint",
            Verdict::Fail,
            format!(
                "`devproof compose lint` has {} grave findings; the first is {} at {}: {}",
                grave.len(),
                first.rule,
                first.place,
                first.message
            ),
        ),
        None => Check::new(
            "lint",
            Verdict::Pass,
            format!("`devproof compose lint` has no grave finding, and {} others.", others.len()),
        ),
    });
    checks.extend(
        signs(document).into_iter().map(|it| Check::new("bytes", Verdict::Warn, it.sentence())),
    );
    checks
}

//! The compose file: its images, what an operator could do with it, and what must not be in it.

use super::Gate;
use crate::{Git, Line, Registry, ReleaseError, proof::images, registry::There, text::clip};
use devproof_compose::{
    AppCompose,
    lint::{Context, Rule, Severity, lint},
    services::Image,
};
use devproof_operator::preflight::{self, Verdict};
use std::collections::BTreeSet;

/// How many images registries are asked for.
const MAX_ASKED: usize = 50;
/// Shorter values are no secrets that could be found: they stand everywhere.
const MIN_SECRET: usize = 8;

/// Looks at the file.
pub(super) async fn lines(
    gate: &Gate<'_>,
    git: &Git,
    document: &AppCompose,
    registry: Option<&Registry>,
) -> Result<Vec<Line>, ReleaseError> {
    let mut lines = Vec::new();
    let checks = preflight::file(document);
    let todo = "See `devproof compose lint` on the file, and mend what it shows.";
    let mut of = |id, name| {
        let check = checks.iter().find(|it| it.id == name);
        lines.push(match check {
            Some(it) if it.result == Verdict::Pass => Line::pass(id, "here", it.message.clone()),
            Some(it) => Line::fail(id, "here", it.message.clone(), todo),
            None => Line::unknown(id, "here", "It was not looked at.", todo),
        });
    };
    of("images_pinned", "images");
    of("lint", "lint");
    lines.insert(1, exist(gate, document, registry).await);
    lines.push(secrets(gate, git, document).await?);
    Ok(lines)
}

/// Whether registries have the images.
async fn exist(gate: &Gate<'_>, document: &AppCompose, registry: Option<&Registry>) -> Line {
    let id = "images_exist";
    let Some(all) = images(document) else {
        return Line::unknown(
            id,
            "here",
            "Which images there are cannot be read.",
            "Mend the compose file.",
        );
    };
    let names: BTreeSet<_> = all.iter().map(|it| it.reference.as_str()).collect();
    let todo = "Run this where the registry answers, or make the image public.";
    let registry = match registry {
        _ if names.is_empty() => return Line::pass(id, "here", "The file names no image."),
        Some(registry) if !gate.offline => registry,
        _ => return Line::unknown(id, "registry", "No registry was asked.", todo),
    };
    if names.len() > MAX_ASKED {
        return Line::unknown(
            id,
            "registry",
            format!("More than {MAX_ASKED} images are not asked for."),
            "Use fewer.",
        );
    }
    let mut unknown = None;
    for name in &names {
        let image = Image::new(name);
        let shown = clip(name, 160);
        let line = if image.digest.is_none() {
            let message =
                format!("{shown} has no digest, so that nobody can tell which image is meant.");
            Line::unknown(id, "registry", message, "Pin it.")
        } else {
            match registry.has(&image).await {
                Ok(There::Yes) => continue,
                Ok(There::No) => {
                    let message = format!("The registry has no {shown}: nothing would start.");
                    return Line::fail(
                        id,
                        "registry",
                        message,
                        "Push the image, and take the digest that the registry gives.",
                    );
                }
                Ok(There::Another) => {
                    let message =
                        format!("What the registry gives for {shown} has another digest.");
                    return Line::fail(
                        id,
                        "registry",
                        message,
                        "Do not use this registry, and find out why.",
                    );
                }
                Err(error) => Line::unknown(id, "registry", format!("{shown}: {error}."), todo),
            }
        };
        unknown = unknown.or(Some(line));
    }
    unknown.unwrap_or_else(|| {
        let message = "The registries have every image, under its digest. They are asked for manifests, not for layers.";
        Line::pass(id, "registry", message).value(names.len())
    })
}

/// Whether a secret is in what everybody can read.
async fn secrets(gate: &Gate<'_>, git: &Git, document: &AppCompose) -> Result<Line, ReleaseError> {
    let id = "no_secrets";
    let todo = "Take it out and replace it everywhere: whoever read the file has it. Derive secrets inside the TEE.";
    let report = lint(document, &Context::default());
    let grave = |rule: Rule, severity: Severity| rule == Rule::C6 && severity >= Severity::Medium;
    if let Some(it) = report.findings.iter().find(|it| grave(it.rule, it.severity)) {
        return Ok(Line::fail(id, "here", format!("{}: {}", it.place, it.message), todo));
    }
    // As it stands, and as it reads once JSON's escapes are gone.
    let texts = [document.text().to_owned(), document.readable()];
    let has = |secret: &str| texts.iter().any(|text| text.contains(secret));
    if has("PRIVATE KEY-----") {
        return Ok(Line::fail(
            id,
            "here",
            "A private key stands in the file, which is public.",
            todo,
        ));
    }
    let (head, _) = git.commits(&gate.config.out).await?;
    let mut looked = 0_usize;
    for name in &gate.config.env_files {
        let text = match crate::files::read(&gate.root.join(name)) {
            Ok(Some(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
            other => {
                let why = other.err().unwrap_or_else(|| "it is not there".to_owned());
                let message = format!(
                    "{name} cannot be read ({why}), so that its values were not looked for."
                );
                return Ok(Line::unknown(
                    id,
                    "here",
                    message,
                    "Run this where the file is, or take it out of the configuration.",
                ));
            }
        };
        if git.file(&head, name).await?.is_some() {
            let message = format!("{name} itself is in the repository, with its values.");
            return Ok(Line::fail(id, "here", message, todo));
        }
        for (variable, value) in values(&text) {
            looked += 1;
            if has(value) {
                // The value is not told: this may end up in a log that others read.
                let message = format!(
                    "The value that {name} has for {} stands in the compose file, which is public.",
                    clip(variable, 80)
                );
                return Ok(Line::fail(id, "here", message, todo));
            }
        }
    }
    let message = format!(
        "No secret was found in the file, by the rules of `devproof compose lint` and {looked} values of variables. Values shorter \
         than {MIN_SECRET} characters are not looked for, and what a rule does not know it does not find."
    );
    Ok(Line::pass(id, "here", message))
}

/// The variables of a file of them, and their values, where these are long enough.
fn values(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        if line.starts_with('#') {
            return None;
        }
        let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        let value = value.trim();
        let quoted =
            ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        let value = quoted.unwrap_or(value);
        (value.len() >= MIN_SECRET).then_some((name.trim(), value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_variables_are_read_however_they_are_quoted() {
        let text = "# A=commented-out\nA=12345678\nexport B=\"quoted value\"\nC='single quoted'\nD=short\nE\n";
        let found: Vec<_> = values(text).collect();
        assert_eq!(found, [("A", "12345678"), ("B", "quoted value"), ("C", "single quoted")]);
    }
}

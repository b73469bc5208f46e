//! Where code comes from: images, builds, commands.

use super::{fetches, has_word, names_commit};
use crate::{
    lint::{Lint, Place, Rule, Severity},
    services::{Image, Service, variables, without_values, yaml::Node},
    words::{clip, list},
};

/// Services whose work is to replace others.
const UPDATERS: [&str; 3] = ["watchtower", "ouroboros", "shepherd"];
/// Keys of a service that hold what is run.
const COMMANDS: [&str; 5] = ["command", "entrypoint", "post_start", "pre_stop", "healthcheck"];

pub(in crate::lint) fn all(lint: &mut Lint<'_>) {
    let Some(services) = lint.readable() else { return };
    for service in services.services() {
        let pinned = match service.build() {
            Some(build) => {
                self::build(lint, service, build);
                true
            }
            None => service.image().is_none_or(|(text, line)| image(lint, service, text, line)),
        };
        replaced(lint, service, pinned);
        commands(lint, service);
    }
}

/// Looks at an image; whether it is pinned.
fn image(lint: &mut Lint<'_>, service: &Service, text: &str, line: usize) -> bool {
    let place = Place::service(&service.name, "image", line);
    let found = variables(text);
    if let Some(theirs) = found.iter().find(|variable| lint.allowed(&variable.name)) {
        let message = format!(
            "An operator can have {} run any image at all by setting {}, and the compose hash stays the same.",
            clip(&service.name),
            clip(&theirs.name),
        );
        lint.add(Rule::C2, Severity::Critical, &place, message, "");
        return false;
    }
    if let Some(first) = found.first() {
        let named = lint.document.fields().scripts().any(|(_, text)| has_word(text, &first.name));
        let (severity, who) = if named {
            (Severity::Medium, "a script of this file names it and may set it")
        } else {
            (Severity::Low, "nothing sets it, so that its default holds")
        };
        let message = format!(
            "The image of {} is chosen by {}, which is not the operator's to set: {who}.",
            clip(&service.name),
            clip(&first.name),
        );
        lint.add(Rule::C2, severity, &place, message, "");
    }
    let image = Image::new(&without_values(text));
    if image.digest.is_some() || image.reference.is_empty() {
        return true;
    }
    let tag = match &image.tag {
        Some(tag) => format!("the tag {}", clip(tag)),
        None => "the tag latest".to_owned(),
    };
    let message = format!(
        "Whoever may push to {} can put other code behind {tag}, and the next boot runs it under the same compose hash.",
        clip(&image.repository),
    );
    lint.add(Rule::C1, Severity::High, &place, message, "");
    false
}

fn build(lint: &mut Lint<'_>, service: &Service, build: &Node) {
    let place = Place::service(&service.name, "build", build.line);
    let message = format!(
        "An operator, or anybody between the machine and the servers that {} is built from, can change what the build \
         brings in, and nobody can tell from outside.",
        clip(&service.name),
    );
    lint.add(Rule::C10, Severity::High, &place, message, "");
    let context =
        build.text().or_else(|| build.get("context").and_then(Node::text)).unwrap_or_default();
    let remote = ["://", "git@", "github.com/"].iter().any(|mark| context.contains(mark));
    if remote && !names_commit(context) {
        let message = format!(
            "An operator who can push to {} decides what is built at the next boot.",
            clip(context)
        );
        let fix =
            "Name a whole commit after `#`, or better: publish the image and pin it by digest.";
        lint.add(Rule::C4, Severity::High, &place, message, fix);
    }
    let Some(inline) = build.get("dockerfile_inline") else { return };
    let text = inline.text().unwrap_or_default();
    let place = Place::service(&service.name, "build.dockerfile_inline", inline.line);
    for base in unpinned_bases(text) {
        let message = format!(
            "Whoever may push to {} can put another base under {}, and the next build takes it.",
            clip(&base),
            clip(&service.name),
        );
        lint.add(Rule::C1, Severity::High, &place, message, "");
    }
    cloned(lint, &place, text);
}

/// The images that a Dockerfile begins from and does not pin; stages of its own are none.
fn unpinned_bases(dockerfile: &str) -> Vec<String> {
    let (mut stages, mut bases) = (Vec::new(), Vec::new());
    for line in dockerfile.lines() {
        let mut words = line.split_whitespace();
        if !words.next().is_some_and(|word| word.eq_ignore_ascii_case("from")) {
            continue;
        }
        let mut words = words.skip_while(|word| word.starts_with("--"));
        let Some(base) = words.next() else { continue };
        let stage = base == "scratch" || stages.contains(&base);
        if !stage && Image::new(base).digest.is_none() {
            bases.push(base.to_owned());
        }
        if words.next().is_some_and(|word| word.eq_ignore_ascii_case("as")) {
            stages.extend(words.next());
        }
    }
    bases
}

fn cloned(lint: &mut Lint<'_>, place: &Place, text: &str) {
    if has_word(text, "git clone") && !names_commit(text) {
        let message =
            "An operator who can push to the repository that is cloned here decides what runs.";
        let fix = "Check out a whole commit after cloning, or put the code into a pinned image.";
        lint.add(Rule::C4, Severity::High, place, message.to_owned(), fix);
    }
}

fn commands(lint: &mut Lint<'_>, service: &Service) {
    for key in COMMANDS {
        let Some(node) = service.node.get(key) else { continue };
        let place = Place::service(&service.name, key, node.line);
        let scalars = node.scalars();
        let text = scalars.iter().map(|(text, _)| *text).collect::<Vec<_>>().join(" ");
        let found = fetches(&text);
        let piped = ["| sh", "| bash", "|sh", "|bash"].iter().any(|pipe| text.contains(pipe));
        let code = found.iter().any(|it| !matches!(*it, "curl" | "wget" | "git clone"));
        if code || (piped && !found.is_empty()) {
            let message = format!(
                "An operator who controls what {} brings in ({}) decides what runs beside the image.",
                clip(&service.name),
                list(found, 3),
            );
            lint.add(Rule::C4, Severity::High, &place, message, "");
        }
        cloned(lint, &place, &text);
    }
}

fn replaced(lint: &mut Lint<'_>, service: &Service, pinned: bool) {
    let name = clip(&service.name);
    let text = |key: &str| service.node.get(key).and_then(|n| Some((n.text()?.to_owned(), n.line)));
    if let Some((image, line)) = service.image() {
        let repository = Image::new(&without_values(image)).repository;
        let last = repository.rsplit('/').next().unwrap_or_default();
        if UPDATERS.contains(&last) {
            let place = Place::service(&service.name, "image", line);
            let message = format!(
                "An operator can replace every other service at any moment by pushing an image: {name} restarts them with it."
            );
            lint.add(Rule::C11, Severity::High, &place, message, "");
        }
    }
    if pinned {
        return;
    }
    let asks_again = |policy: &str| {
        policy == "always"
            || policy == "daily"
            || policy == "weekly"
            || policy.starts_with("every_")
    };
    if let Some((policy, line)) = text("pull_policy").filter(|(policy, _)| asks_again(policy)) {
        let place = Place::service(&service.name, "pull_policy", line);
        let message = format!(
            "An operator can push another image and have {name} take it at the next start, because of pull_policy {}.",
            clip(&policy),
        );
        lint.add(Rule::C11, Severity::Medium, &place, message, "");
    }
    if let Some((restart, line)) = text("restart").filter(|(restart, _)| restart != "no") {
        let place = Place::service(&service.name, "restart", line);
        let message = format!(
            "An operator who has another image pulled can make {name} fail, and restart {} brings it up with that.",
            clip(&restart),
        );
        lint.add(Rule::C11, Severity::Low, &place, message, "");
    }
}

use super::*;
use serde_json::json;

fn document(patch: serde_json::Value) -> AppCompose {
    let mut whole = json!({
        "manifest_version": 2, "name": "a", "runner": "docker-compose", "public_logs": false,
        "docker_compose_file": "services:\n  web:\n    image: a/b:1\n    ports: ['80:80']\n",
    });
    for (key, value) in patch.as_object().unwrap() {
        whole[key] = value.clone();
        if value.is_null() {
            whole.as_object_mut().unwrap().remove(key);
        }
    }
    AppCompose::parse(whole.to_string().as_bytes()).unwrap()
}

fn service(lines: &str) -> AppCompose {
    document(json!({"docker_compose_file": format!("services:\n  web:\n{lines}")}))
}

/// The sentences of a difference.
fn said(before: &AppCompose, after: &AppCompose) -> Vec<String> {
    diff(before, after).changes.into_iter().map(|change| change.sentence).collect()
}

fn from_plain(patch: serde_json::Value) -> Vec<String> {
    said(&document(json!({})), &document(patch))
}

#[test]
fn the_same_bytes_are_the_same_and_nothing_else_is() {
    let document = document(json!({}));
    assert_eq!(diff(&document, &document).changes, []);
    let spaced = AppCompose::parse(document.text().replace(':', ": ").as_bytes());
    // Also inside the compose file, so that YAML is the same as well.
    let layout: Vec<_> =
        diff(&document, &spaced.unwrap()).changes.iter().map(|it| it.subject).collect();
    assert_eq!(layout.len(), 1);
    let trailing = AppCompose::parse(format!("{}\n", document.text()).as_bytes()).unwrap();
    assert_eq!(
        said(&document, &trailing),
        [
            "Only white space or the order of names changed, which makes it another version all the same."
        ]
    );
}

#[test]
fn fields_in_plain_words() {
    assert_eq!(
        from_plain(json!({"public_logs": true})),
        ["Everybody can read the logs of the containers now."]
    );
    assert_eq!(
        from_plain(json!({"public_logs": null})),
        ["public_logs changes nothing: false is what it is where it is left out."]
    );
    assert_eq!(
        from_plain(json!({"kms_enabled": true})),
        [
            "Keys come from a key service now. Before, they came from nowhere: they are drawn anew at each boot.",
            "kms_enabled is new: true."
        ]
    );
    let old = document(json!({"kms_enabled": true}));
    assert_eq!(
        said(&old, &document(json!({"key_provider": "kms"}))),
        ["key_provider is new: kms.", "kms_enabled is gone: it was true."],
        "they come from where they came from"
    );
    assert_eq!(from_plain(json!({"name": "b"})), ["name was a and is b now."]);
    assert_eq!(from_plain(json!({"release": 1})), ["release is new: 1."]);
    assert_eq!(
        from_plain(json!({"public_logs": "false"})),
        ["public_logs was false and is \"false\" now."]
    );
    assert_eq!(
        from_plain(json!({"manifest_version": "2"})),
        ["manifest_version was 2 and is \"2\" now."]
    );
    assert_eq!(
        said(
            &document(json!({"allowed_envs": ["A", "B"]})),
            &document(json!({"allowed_envs": ["B", "C"]}))
        ),
        [
            "The operator can set C now, and change it without another compose hash.",
            "The operator can no longer set A."
        ]
    );
    assert_eq!(from_plain(json!({"allowed_envs": "A"})), ["allowed_envs is new: A."]);
}

#[test]
fn a_name_that_stands_twice_is_compared_whole() {
    let twice = |first: &str| {
        AppCompose::parse(
            format!("{{\"bash_script\":\"{first}\",\"bash_script\":\"x\"}}").as_bytes(),
        )
        .unwrap()
    };
    assert_eq!(
        said(&twice("a"), &twice("b")),
        ["bash_script was a and again x and is b and again x now."]
    );
}

#[test]
fn scripts_line_by_line() {
    let (before, after) =
        (json!({"pre_launch_script": "a\nb\n"}), json!({"pre_launch_script": "a\nc\nd\n"}));
    let found = diff(&document(before), &document(after)).changes;
    assert_eq!(
        found[0].sentence,
        "The pre_launch_script, which runs as root outside any container, changed: 2 lines added, 1 removed."
    );
    assert_eq!(found[0].lines.as_ref().unwrap().rows.len(), 4);
    assert_eq!(
        from_plain(json!({"init_script": "a"})),
        ["There is a script now, init_script, which runs as root outside any container: 1 line."]
    );
    let lists =
        [json!({"init_script": ["a\nb"]}), json!({"init_script": ["a", "b"]})].map(document);
    assert_eq!(diff(&lists[0], &lists[1]).changes[0].subject, Subject::Script);
}

#[test]
fn images_in_plain_words() {
    let (one, two) = (format!("sha256:{}", "1".repeat(64)), format!("sha256:{}", "2".repeat(64)));
    let says = |before: &str, after: &str, what: &str| {
        let found = said(
            &service(&format!("    image: {before}\n")),
            &service(&format!("    image: {after}\n")),
        );
        assert!(found.len() == 1 && found[0].contains(what), "{found:?}");
    };
    says("a:1", "b:1", "runs another image: b:1 instead of a:1");
    says("a:1", "a:2", "whatever another tag names");
    says("a:1", &format!("a:1@{one}"), "pinned now");
    says(&format!("a@{one}"), "a", "no longer pinned");
    says(&format!("a@{one}"), &format!("a@{two}"), "another build of a, under the same tag");
    says(&format!("a:1@{one}"), &format!("a:2@{two}"), "another version of a");
    says(&format!("a:1@{one}"), &format!("a:2@{one}"), "the same image under another tag");
}

#[test]
fn services_and_what_is_in_them() {
    let before = service(
        "    ports: ['1:1']\n    privileged: false\n    environment: {A: 1, B: 2}\n    cap_add: [X]\n",
    );
    let after = service(
        "    ports: ['2:2']\n    privileged: true\n    environment: [A=3, C]\n    cap_add: [X, Y]\n    volumes: ['/:/h']\n    command: [a]\n    restart: always\n  db:\n    image: pg\nvolumes: {v: }\n",
    );
    let found = diff(&before, &after).changes;
    let told: Vec<_> = found.iter().map(|it| (it.subject, it.sentence.as_str())).collect();
    assert_eq!(
        told,
        [
            (Subject::Service, "There is a new service db, which runs pg."),
            (Subject::Command, "services.web.command is new: [a]."),
            (Subject::Privilege, "web has cap_add Y now."),
            (Subject::Privilege, "services.web.privileged was false and is true now."),
            (Subject::Volume, "web can read or write /:/h now."),
            (Subject::Port, "web can be reached by port 2:2 now."),
            (Subject::Port, "web can no longer be reached by port 1:1."),
            (Subject::Variable, "web gets A as 3 instead of 1."),
            (Subject::Variable, "web no longer gets B."),
            (Subject::Variable, "web gets C as what comes from outside now."),
            (Subject::Setting, "services.web.restart is new: always."),
            (Subject::Section, "volumes.v is new: null."),
        ]
    );
}

#[test]
fn what_looks_alike_is_not_the_same() {
    for (before, after) in [
        ("    command: '[a, b]'\n", "    command: [a, b]\n"),
        ("    command: ['a, b']\n", "    command: [a, b]\n"),
        ("    labels: {a: 'null'}\n", "    labels: {a: null}\n"),
        ("    environment: [A]\n", "    environment: [A=what comes from outside]\n"),
    ] {
        let found = diff(&service(before), &service(after)).changes;
        assert!(found.iter().any(|it| it.subject != Subject::Layout), "{before} {after}");
    }
}

#[test]
fn order_and_comments_are_layout() {
    let before = service("    image: a\n    environment: {A: 1}\n    ports: ['1:1', '2:2']\n");
    let after =
        service("    environment: [A=1] # the same\n    image: a\n    ports: ['2:2', '1:1']\n");
    assert_eq!(
        said(&before, &after),
        ["The compose file differs in white space, order or comments only."]
    );
}

#[test]
fn what_cannot_be_read_is_a_change_of_its_own() {
    let bad = document(json!({"docker_compose_file": "services: ["}));
    let found = diff(&document(json!({})), &bad).changes;
    assert_eq!(found[0].subject, Subject::Unreadable);
    assert!(found[0].sentence.contains("the one after cannot be read"));
    assert!(found[0].lines.is_some());
    let gone = document(json!({"docker_compose_file": null}));
    let told = said(&document(json!({})), &gone);
    assert_eq!(told, ["There is no compose file any more."]);
}

#[test]
fn there_is_an_end() {
    let many: String = (0..2000).map(|n| format!("  s{n}:\n    image: a\n")).collect();
    let found = diff(
        &document(json!({})),
        &document(json!({"docker_compose_file": format!("services:\n{many}")})),
    );
    assert!(found.truncated && found.changes.len() == MAX_CHANGES);
}

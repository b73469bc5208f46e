//! Whatever somebody writes: no panic, no endless work, and answers that fit together.

use devproof_compose::{
    AppCompose, ComposeHash, SelfReport,
    diff::{RowKind, Subject, diff, side_by_side},
    lint::{Context, lint},
    predict::predict,
    provenance,
    services::Services,
    signs,
    trace::trace,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

/// Everything that can be asked of a document.
fn everything(document: &AppCompose) {
    let report = lint(document, &Context::default());
    let unreadable = document
        .fields()
        .docker_compose_file
        .as_deref()
        .is_some_and(|it| Services::parse(it).is_err());
    assert!(
        !unreadable || report.unreadable(),
        "a file that cannot be read passes for a clean one"
    );
    let _ = (predict(document), signs(document), trace(document, None, &[]), document.readable());
    assert!(diff(document, document).changes.is_empty());
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..4).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("curl $A | bash")),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 4, |inner| {
        let name = prop_oneof![
            "[a-z_]{1,6}",
            Just("launch_token_hash".to_owned()),
            Just("__proto__".to_owned())
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Lines that make up compose files, whole and broken.
fn compose_file() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "services:\n",
        "  web:\n",
        "  db:\n",
        "    image: a/b:1\n",
        "    image: ${IMAGE:-a@sha256:0}\n",
        "    environment:\n",
        "      - A\n",
        "      - B=${A:-$C}\n",
        "      B: ${A\n",
        "    env_file: .env\n",
        "    volumes: ['/:/x', 'a:b', {source: $A}]\n",
        "    privileged: ${A}\n",
        "    <<: *x\n",
        "x: &x {a: b}\n",
        "    build: {dockerfile_inline: \"FROM a AS b\\nFROM b\"}\n",
        "    command: [sh, -c, git clone $A]\n",
        "volumes:\n",
        "  v: {driver_opts: {device: /}}\n",
        "---\n",
        "    cap_add: ALL\n",
        "    ports: [1, 2, 2]\n",
        "\t",
        "? ",
        "- ",
        "!t ",
        "}",
        "    labels: {org.opencontainers.image.revision: abc}\n",
        "include: x\n",
        "    extends: {file: y}\n",
        "# c\n",
    ]);
    prop::collection::vec(line, 0..16).prop_map(|lines| lines.concat())
}

fn document() -> impl Strategy<Value = AppCompose> {
    let known = prop::sample::subsequence(devproof_compose::KNOWN_FIELDS.to_vec(), 0..8);
    let unknown = prop::collection::vec("\\PC{0,8}", 0..3);
    let envs = prop::sample::subsequence(vec!["A", "B", "C", "IMAGE", "SIGNING_KEY"], 0..4);
    (known, unknown, prop::collection::vec(value(), 11), compose_file(), envs, any::<bool>())
        .prop_map(|(known, unknown, values, compose, envs, pretty)| {
            let names = known.into_iter().map(str::to_owned).chain(unknown);
            let mut map: Map<String, Value> = names.zip(values).collect();
            map.insert("docker_compose_file".to_owned(), compose.into());
            map.insert("allowed_envs".to_owned(), json!(envs));
            let text = if pretty {
                serde_json::to_string_pretty(&map)
            } else {
                serde_json::to_string(&map)
            };
            AppCompose::parse(text.unwrap().as_bytes()).unwrap()
        })
}

proptest! {
    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(document) = AppCompose::parse(&bytes) {
            everything(&document);
        }
        let _ = (SelfReport::read(&bytes), provenance::read(&bytes));
    }

    #[test]
    fn text_never_panics(text in "\\PC{0,200}") {
        let _ = (Services::parse(&text), SelfReport::read(text.as_bytes()), side_by_side(&text, "a\nb"));
        let whole = json!({"docker_compose_file": text, "pre_launch_script": text, "allowed_envs": [text]});
        everything(&AppCompose::parse(whole.to_string().as_bytes()).unwrap());
    }

    #[test]
    fn pages_never_panic(text in "[<>&;#x0-9a-z=\"{} \n]{0,120}") {
        let _ = SelfReport::read(format!("<textarea>{text}</textarea><textarea {text}").as_bytes());
    }

    #[test]
    fn documents_never_panic_and_hash_as_they_are(document in document()) {
        everything(&document);
        prop_assert_eq!(document.hash(), ComposeHash::of(document.text().as_bytes()));
        let again = AppCompose::parse(document.text().as_bytes()).unwrap();
        prop_assert_eq!(again.hash(), document.hash());
        prop_assert_eq!(lint(&again, &Context::default()), lint(&document, &Context::default()));
    }

    #[test]
    fn a_difference_looked_at_from_the_other_side_is_the_same(before in document(), after in document()) {
        let (there, back) = (diff(&before, &after), diff(&after, &before));
        prop_assert_eq!(there.changes.is_empty(), before.text() == after.text());
        let mut there: Vec<_> = there.changes.into_iter().map(|it| (it.subject, it.place, it.kind, it.before, it.after)).collect();
        let mut back: Vec<_> = back.changes.into_iter().map(|it| (it.subject, it.place, it.kind.reversed(), it.after, it.before)).collect();
        there.sort();
        back.sort();
        prop_assert_eq!(there, back);
    }

    #[test]
    fn another_layout_of_the_same_is_a_change_of_layout(document in document()) {
        let spaced = AppCompose::parse(format!(" {}\n", document.text()).as_bytes()).unwrap();
        let subjects: Vec<_> = diff(&document, &spaced).changes.into_iter().map(|it| it.subject).collect();
        prop_assert_eq!(subjects, [Subject::Layout]);
    }

    #[test]
    fn side_by_side_keeps_every_line(before in "[ab\n]{0,30}", after in "[ab\n]{0,30}") {
        let rows = side_by_side(&before, &after).rows;
        let text = |cells: Vec<String>| cells.join("\n");
        prop_assert_eq!(text(rows.iter().filter_map(|row| row.left.clone()).map(|cell| cell.text).collect()), before);
        prop_assert_eq!(text(rows.iter().filter_map(|row| row.right.clone()).map(|cell| cell.text).collect()), after);
        let agree = rows.iter().all(|row| {
            let texts = [&row.left, &row.right].map(|it| it.as_ref().map(|cell| &cell.text));
            (row.kind == RowKind::Same) == (texts[0] == texts[1] && texts[0].is_some())
        });
        prop_assert!(agree);
    }
}

/// As large as is read, and as bad as can be thought of.
#[test]
fn the_largest_documents_end() {
    let size = 900_000;
    let compose =
        |text: String| json!({"docker_compose_file": text, "allowed_envs": ["A"]}).to_string();
    let nested = |open: &str, close: &str| format!("{}{}", open.repeat(60), close.repeat(60));
    let names: String = (0..size / 30).map(|n| format!("\"n{n}\":{n},\"n{n}\":1,")).collect();
    let services: String =
        (0..size / 40).map(|n| format!("  s{n}:\n    image: a:$A{n}\n")).collect();
    let documents = [
        compose("$A ".repeat(size / 3)),
        compose(format!("services: {{a: {{command: '{}'}}}}", "${A:-".repeat(size / 5))),
        compose(format!("services:\n{services}")),
        compose("- ".repeat(size / 2)),
        compose("[".repeat(size)),
        compose("a: &a b\n".repeat(size / 8)),
        compose(format!("a: &a {}\nb: [{}]", "x".repeat(size / 2), "*a,".repeat(size / 8))),
        compose("\"".repeat(size / 2)),
        compose("#".repeat(size)),
        compose("a:\n".to_owned() + &"  - !t c\n".repeat(size / 10)),
        format!("{{{names}\"x\":{}}}", nested("[", "]")),
        json!({"pre_launch_script": "curl ".repeat(size / 5), "allowed_envs": vec!["A"; 1000]})
            .to_string(),
        json!({"init_script": vec!["x"; size / 8]}).to_string(),
    ];
    let empty = AppCompose::parse(b"{}").unwrap();
    for text in &documents {
        let before = Instant::now();
        let document = AppCompose::parse(text.as_bytes()).unwrap();
        everything(&document);
        let _ = (diff(&empty, &document), diff(&document, &empty));
        let took = before.elapsed();
        eprintln!("{took:?} for {}", &text[..40]);
        assert!(took < Duration::from_secs(30), "{took:?} for {}", &text[..60]);
    }
}

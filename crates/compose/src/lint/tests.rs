//! Each rule both ways: it fires on what it is about, and not on what looks like it.

use super::{Severity::*, *};
use serde_json::{Value, json};

const PINNED: &str = "a/b@sha256:2f2a6f1a6ad5c6cf6b5cbd7c0f6d6f2f0c7f2f3f7b6f2d7a0d6a7c8b9e0f1a2b";

/// A document without a finding, except for what the patch puts in.
fn document(patch: Value) -> AppCompose {
    let mut whole = json!({
        "manifest_version": "3", "name": "a", "runner": "docker-compose", "key_provider": "kms",
        "key_provider_id": "00", "allowed_envs": ["OURS"], "requirements": {"launch_token_hash": "00"},
        "docker_compose_file": services(""),
    });
    for (key, value) in patch.as_object().unwrap() {
        whole[key] = value.clone();
    }
    AppCompose::parse(whole.to_string().as_bytes()).unwrap()
}

/// A compose file with one service, and more lines of that service.
fn services(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    let image = if lines.contains("image:") || lines.contains("build:") {
        String::new()
    } else {
        format!("    image: {PINNED}\n")
    };
    format!("services:\n  web:\n{image}{lines}")
}

fn found(document: &AppCompose, context: &Context) -> Vec<(Rule, Severity)> {
    lint(document, context).findings.into_iter().map(|it| (it.rule, it.severity)).collect()
}

/// What is found in a document with these lines in its service, and this patch.
fn told(lines: &str, mut patch: Value) -> Vec<(Rule, Severity)> {
    if !lines.is_empty() {
        patch["docker_compose_file"] = services(lines).into();
    }
    found(&document(patch), &Context::default())
}

fn service(lines: &str) -> Vec<(Rule, Severity)> {
    told(lines, json!({}))
}

fn field(patch: Value) -> Vec<(Rule, Severity)> {
    told("", patch)
}

#[test]
fn nothing_is_found_where_nothing_is() {
    assert_eq!(service(""), []);
    assert_eq!(
        service(
            "volumes: ['/var/run/dstack.sock:/var/run/dstack.sock', 'data:/data']\nrestart: always"
        ),
        []
    );
}

#[test]
fn c1_an_image_without_a_digest() {
    assert_eq!(service("image: a/b:v1"), [(Rule::C1, High)]);
    assert_eq!(service(&format!("image: a/b:{}", "ab".repeat(20))), [(Rule::C1, High)]);
    assert_eq!(service("image: a/b@sha256:abcd"), [(Rule::C1, High)]);
    assert_eq!(service(&format!("image: {PINNED}")), []);
    // A default that holds because nobody can set the variable.
    assert!(service("image: a/b:${TAG:-v1}").contains(&(Rule::C1, High)));
    assert!(!service(&format!("image: ${{IMAGE:-{PINNED}}}")).contains(&(Rule::C1, High)));
}

#[test]
fn c2_an_image_chosen_by_a_variable() {
    assert_eq!(service("image: a/b:${OURS}"), [(Rule::C2, Critical)]);
    assert_eq!(service("image: ${X:-$OURS}"), [(Rule::C2, Critical), (Rule::C20, Note)]);
    // The digest may be set as well.
    let digest = format!("image: a/b@sha256:${{OURS:-{}}}", "0".repeat(64));
    assert!(service(&digest).contains(&(Rule::C2, Critical)));
    assert!(service("image: a/b:${THEIRS}").contains(&(Rule::C2, Low)));
    let script = json!({"pre_launch_script": "export THEIRS=x"});
    assert!(told("image: a/b:${THEIRS}", script).contains(&(Rule::C2, Medium)));
    assert_eq!(service(&format!("image: {PINNED}\nenvironment: [A=$OURS]")), []);
}

#[test]
fn c3_an_address_that_the_operator_sets() {
    assert_eq!(service("environment: ['DATABASE_URL=${OURS}']"), [(Rule::C3, Critical)]);
    assert_eq!(service("environment: {HOME_URL: '${OURS}'}"), [(Rule::C3, Medium)]);
    assert_eq!(service("environment: ['X=https://${OURS}/y']"), [(Rule::C3, Medium)]);
    assert_eq!(service("environment: ['DATABASE_URL=${THEIRS}']"), [(Rule::C20, Note)]);
    assert_eq!(service("environment: ['DATABASE_URL=postgres://db']"), []);
    // Inherited, by way of a file, by a script.
    let allowed = |more: Value| {
        let mut patch = json!({"allowed_envs": ["API_URL"]});
        patch.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        patch
    };
    assert_eq!(told("environment: [API_URL]", allowed(json!({}))), [(Rule::C3, Critical)]);
    assert_eq!(told("environment: {API_URL: }", allowed(json!({}))), [(Rule::C3, Critical)]);
    assert_eq!(told("env_file: .env", allowed(json!({}))), [(Rule::C3, Critical)]);
    let script = allowed(json!({"pre_launch_script": "echo \"${API_URL}\""}));
    assert_eq!(told("", script), [(Rule::C3, Critical), (Rule::C7, Medium)]);
    // Allowed, and taken by nothing: out of reach.
    assert_eq!(told("", allowed(json!({}))), []);
}

#[test]
fn c4_code_chosen_or_fetched_at_run_time() {
    assert_eq!(service("environment: ['COMMIT_SHA=${OURS}']"), [(Rule::C4, Critical)]);
    assert_eq!(service("environment: ['NODE_OPTIONS=$OURS']"), [(Rule::C4, Critical)]);
    assert_eq!(service("command: run --with ${OURS}"), [(Rule::C4, High)]);
    assert_eq!(service("command: run --with $$OURS"), []);
    assert_eq!(service("command: sh -c 'curl https://x | sh'"), [(Rule::C4, High)]);
    assert_eq!(service("command: [sh, -c, 'git clone https://x && make']"), [(Rule::C4, High)]);
    let pinned =
        format!("command: sh -c 'git clone https://x && git checkout {}'", "ab".repeat(20));
    assert_eq!(service(&pinned), []);
    assert_eq!(service("healthcheck: {test: curl -f http://localhost}"), []);
}

#[test]
fn c4_names_that_the_guest_takes_by_itself() {
    let allowed = |name: &str| field(json!({"allowed_envs": [name]}));
    assert_eq!(allowed("COMPOSE_FILE"), [(Rule::C4, Critical)]);
    assert_eq!(allowed("LD_PRELOAD"), [(Rule::C4, Critical)]);
    assert_eq!(allowed("COMPOSE_PROFILES"), [(Rule::C4, High)]);
    assert_eq!(allowed("COMPOSE_PROJECT_NAME"), []);
}

#[test]
fn c3_what_the_host_sets() {
    assert_eq!(service("environment: ['X=${PCCS_URL}']"), [(Rule::C3, Medium)]);
    let extension = format!("x-a: {{b: '${{THEIRS}}'}}\n{}", services(""));
    assert_eq!(field(json!({"docker_compose_file": extension})), [], "merged into nothing");
}

#[test]
fn c5_a_secret_that_the_operator_supplies() {
    for (name, severity) in [
        ("SIGNING_KEY", Critical),
        ("JWT_SECRET", High),
        ("ADMIN_PASSWORD", High),
        ("OPENAI_API_KEY", Medium),
        ("METRICS_TOKEN", Low),
    ] {
        assert_eq!(service(&format!("environment: ['{name}=${{OURS}}']")), [(Rule::C5, severity)]);
        let allowed = json!({"allowed_envs": [name]});
        assert_eq!(told(&format!("environment: ['X=${name}']"), allowed), [(Rule::C5, severity)]);
    }
    assert_eq!(service("environment: ['SIGNING_KEY_FILE=${OURS}']"), []);
    let configs = format!("{}configs:\n  c:\n    environment: SIGNING_KEY\n", services(""));
    let patch = json!({"allowed_envs": ["SIGNING_KEY"], "docker_compose_file": configs});
    assert_eq!(field(patch), [(Rule::C5, Critical)]);
}

#[test]
fn c6_defaults_and_secrets_in_the_file() {
    let with = |text: &str| service(&format!("environment: ['{text}']"));
    assert!(with("SIGNING_KEY=${OURS:-abc}").contains(&(Rule::C6, Critical)));
    assert_eq!(with("SIGNING_KEY=${X:-abc}"), [(Rule::C6, Critical), (Rule::C20, Note)]);
    assert_eq!(with("SIGNING_KEY=abc"), [(Rule::C6, Critical)]);
    assert_eq!(with("POSTGRES_PASSWORD=postgres"), [(Rule::C6, High)]);
    assert_eq!(with("STATUS_TOKEN=x"), [(Rule::C6, Low)]);
    assert_eq!(with("LEVEL=${OURS:-info}"), [(Rule::C6, Note)]);
    assert_eq!(with("LEVEL=${X:-info}"), [(Rule::C20, Note)]);
    assert_eq!(with("SIGNING_KEY=/run/secrets/key"), []);
    assert!(!with("SIGNING_KEY=${OURS:?missing}").contains(&(Rule::C6, Critical)));
}

#[test]
fn c7_and_c8_scripts() {
    for (name, rule, base) in
        [("pre_launch_script", Rule::C7, Low), ("init_script", Rule::C8, Medium)]
    {
        let with = |text: &str| field(json!({name: text}));
        assert_eq!(with("echo hello"), [(rule, base)]);
        assert_eq!(with("echo $OURS"), [(rule, Medium)]);
        assert_eq!(with("curl -o x https://x"), [(rule, High), (rule, base)]);
        assert_eq!(with("echo root:x | chpasswd"), [(rule, High), (rule, base)]);
        assert_eq!(with("sed -i s/a/b/ docker-compose.yaml"), [(rule, High), (rule, base)]);
        assert_eq!(with("echo curly"), [(rule, base)]);
        assert_eq!(with("  "), []);
    }
    assert_eq!(field(json!({"pre_launch_script": ""})), []);
    let text = "#!/bin/bash\necho \"Phala Cloud Pre-Launch Script v0.0.19\"";
    let report = lint(&document(json!({"pre_launch_script": text})), &Context::default());
    assert!(report.findings[0].message.contains("calls itself version v0.0.19"));
    assert_eq!(field(json!({"init_script": ["a", "b"]})), [(Rule::C8, Medium)]);
}

#[test]
fn c9_more_rights_than_needed() {
    for lines in [
        "privileged: true",
        "privileged: 'yes'",
        "privileged: ${OURS}",
        "use_api_socket: true",
        "cap_add: [SYS_ADMIN]",
        "cap_add: [CAP_ALL]",
        "volumes: ['/var/run/docker.sock:/x']",
        "volumes: ['/:/host:ro']",
        "volumes: ['/dstack:/dstack']",
        "volumes: [{type: bind, source: /etc/x, target: /x}]",
        "volumes: ['/data/../etc:/x']",
        "volumes: ['${OURS}:/x']",
    ] {
        assert_eq!(service(lines), [(Rule::C9, High)], "{lines}");
    }
    for lines in [
        "cap_add: [NET_ADMIN]",
        "network_mode: host",
        "pid: host",
        "devices: ['/dev/x:/dev/x']",
        "security_opt: ['seccomp:unconfined']",
        "volumes: ['./config:/config']",
        "volumes: ['/data:/data']",
    ] {
        assert_eq!(service(lines), [(Rule::C9, Medium)], "{lines}");
    }
    for lines in [
        "privileged: false",
        "cap_drop: [ALL]",
        "network_mode: bridge",
        "volumes: ['/run/tappd.sock:/x', 'etc:/etc', /anonymous]",
        "security_opt: ['no-new-privileges:true']",
    ] {
        assert_eq!(service(lines), [], "{lines}");
    }
    let bound = format!(
        "{}volumes:\n  v:\n    driver_opts: {{type: none, o: bind, device: /}}\n",
        services("")
    );
    assert_eq!(field(json!({"docker_compose_file": bound})), [(Rule::C9, High)]);
}

#[test]
fn c10_builds() {
    assert_eq!(service("build: ."), [(Rule::C10, High)]);
    assert_eq!(service("build:"), [], "nothing is built");
    let from = |base: &str| {
        service(&format!(
            "build:\n  dockerfile_inline: |\n    FROM {base} AS one\n    FROM one\n    FROM scratch"
        ))
    };
    assert_eq!(from("rust:1"), [(Rule::C1, High), (Rule::C10, High)]);
    assert_eq!(from(PINNED), [(Rule::C10, High)]);
    assert_eq!(
        service("build: https://github.com/a/b.git#main"),
        [(Rule::C4, High), (Rule::C10, High)]
    );
    let pinned = format!("build: https://github.com/a/b.git#{}", "ab".repeat(20));
    assert_eq!(service(&pinned), [(Rule::C10, High)]);
}

#[test]
fn c11_images_that_are_replaced() {
    assert_eq!(
        service("image: a:v1\npull_policy: always"),
        [(Rule::C1, High), (Rule::C11, Medium)]
    );
    assert_eq!(service("image: a:v1\nrestart: always"), [(Rule::C1, High), (Rule::C11, Low)]);
    assert_eq!(service("image: a:v1\nrestart: 'no'"), [(Rule::C1, High)]);
    assert_eq!(service("pull_policy: always"), [], "pinned");
    let updater = format!("image: containrrr/watchtower{}", PINNED.trim_start_matches("a/b"));
    assert_eq!(service(&updater), [(Rule::C11, High)]);
}

#[test]
fn c12_ways_to_log_in() {
    let allowed = json!({"allowed_envs": ["DSTACK_ROOT_PASSWORD"]});
    assert_eq!(field(allowed.clone()), [(Rule::C12, Medium)]);
    let mut script = allowed;
    script["pre_launch_script"] = "use $DSTACK_ROOT_PASSWORD".into();
    assert_eq!(field(script), [(Rule::C12, Critical), (Rule::C7, Medium)]);
    let not_allowed = json!({"pre_launch_script": "use $DSTACK_ROOT_PASSWORD"});
    assert_eq!(field(not_allowed), [(Rule::C7, Low)]);
}

#[test]
fn c13_to_c16_switches() {
    assert_eq!(field(json!({"public_tcbinfo": false})), [(Rule::C13, Medium)]);
    assert_eq!(field(json!({"public_logs": true})), [(Rule::C13, Low)]);
    assert_eq!(
        field(json!({"public_tcbinfo": true, "public_logs": false, "secure_time": true})),
        []
    );
    assert_eq!(field(json!({"secure_time": false})), [(Rule::C14, Medium)]);
    assert_eq!(field(json!({"no_instance_id": true})), [(Rule::C14, Note)]);
    assert_eq!(field(json!({"key_provider": "local"})), [(Rule::C15, Medium)]);
    assert_eq!(field(json!({"key_provider": "tpm"})), [(Rule::C15, Medium)]);
    assert_eq!(field(json!({"key_provider": "none"})), [(Rule::C15, Note)]);
    assert_eq!(field(json!({"key_provider_id": ""})), [(Rule::C15, Medium)]);
    // The switches that came before.
    assert_eq!(field(json!({"key_provider": null, "kms_enabled": true})), []);
    assert_eq!(field(json!({"key_provider": null, "features": ["kms"]})), []);
    assert_eq!(
        field(json!({"key_provider": null, "local_key_provider_enabled": true})),
        [(Rule::C15, Medium)]
    );
    let on = |image: &str| {
        found(&document(json!({})), &Context { os_image: Some(image.into()), ..Context::default() })
    };
    assert_eq!(on("dstack-dev-0.5.4"), [(Rule::C16, Critical)]);
    assert_eq!(on("dstack-0.5.4"), []);
}

#[test]
fn c17_a_view_of_the_chain() {
    assert_eq!(service("environment: ['ETH_RPC_URL=${OURS}']"), [(Rule::C17, High)]);
    assert_eq!(service("environment: ['CONTRACT_ADDRESS=$OURS']"), [(Rule::C17, High)]);
    assert_eq!(service("environment: ['ETH_RPC_URL=https://x']"), []);
}

#[test]
fn c18_names_that_dstack_does_not_know() {
    assert_eq!(field(json!({"release": "1"})), [(Rule::C18, Medium)]);
    let requirements = json!({"requirements": {"launch_token_hash": "00", "x": 1}});
    assert_eq!(field(requirements), [(Rule::C18, Low)]);
    assert_eq!(field(json!({"snapshotter": "stargz"})), []);
}

#[test]
fn c19_another_hash_than_claimed() {
    let document = document(json!({}));
    let claimed =
        |hash| found(&document, &Context { claimed_hash: Some(hash), ..Context::default() });
    assert_eq!(claimed(document.hash()), []);
    assert_eq!(claimed(ComposeHash::of(b"other")), [(Rule::C19, Critical)]);
}

#[test]
fn c20_a_variable_that_nobody_can_set() {
    assert_eq!(service("environment: ['X=${THEIRS}', 'Y=${THEIRS}']"), [(Rule::C20, Note)]);
    assert_eq!(service("environment: ['X=${OURS}']"), []);
}

#[test]
fn c21_what_cannot_be_read_is_never_clean() {
    for text in ["services: [", "a: 1\na: 2", "services:\n  a: b", "x: !y z", "--- a\n--- b", ""] {
        let document = document(json!({"docker_compose_file": text}));
        let report = lint(&document, &Context::default());
        assert_eq!(found(&document, &Context::default()), [(Rule::C21, High)], "{text:?}");
        assert!(report.unreadable());
    }
    assert_eq!(field(json!({"docker_compose_file": null})), [(Rule::C21, High)]);
    let bash = json!({"docker_compose_file": null, "runner": "bash", "bash_script": "true"});
    assert_eq!(field(bash), [(Rule::C7, Low)]);
    let many: String = (0..10_001).map(|n| format!("$A{n} ")).collect();
    assert_eq!(service(&format!("environment: ['X={many}']"))[0], (Rule::C21, High));
}

#[test]
fn c22_fields_that_readers_take_differently() {
    assert_eq!(field(json!({"public_logs": "no"})), [(Rule::C22, Medium)]);
    assert_eq!(field(json!({"public_logs": null})), [(Rule::C22, Medium)]);
    assert_eq!(field(json!({"name": null})), []);
    assert_eq!(field(json!({"allowed_envs": ["OURS", 1]})), [(Rule::C22, Medium)]);
    assert_eq!(field(json!({"manifest_version": 3})), [(Rule::C22, Medium)]);
    assert_eq!(field(json!({"manifest_version": 2})), [(Rule::C22, Medium)], "requirements");
    assert_eq!(field(json!({"runner": "podman"})), [(Rule::C22, Medium)]);
    let text = document(json!({})).text().replacen('{', "{\"name\":\"b\",", 1);
    let twice = AppCompose::parse(text.as_bytes()).unwrap();
    assert_eq!(found(&twice, &Context::default()), [(Rule::C22, High)]);
    let text = text.replacen("{\"name\":\"b\",", "{", 1).replacen(
        "\"launch",
        "\"x\":1,\"x\":2,\"launch",
        1,
    );
    let inside = AppCompose::parse(text.as_bytes()).unwrap();
    assert_eq!(found(&inside, &Context::default()), [(Rule::C22, High), (Rule::C18, Low)]);
}

#[test]
fn c23_what_is_outside_the_file() {
    assert_eq!(service("extends: {file: other.yml, service: x}"), [(Rule::C23, High)]);
    assert_eq!(service("extends: {service: x}"), []);
    let more = |text: &str| field(json!({"docker_compose_file": services("") + text}));
    assert_eq!(more("include: [other.yml]\n"), [(Rule::C23, High)]);
    assert_eq!(more("configs:\n  c:\n    file: ./c\n"), [(Rule::C23, Medium)]);
    assert_eq!(more("secrets:\n  s:\n    external: true\n"), [(Rule::C23, Medium)]);
    assert_eq!(more("configs:\n  c:\n    content: x\n"), []);
}

#[test]
fn c24_values_that_nobody_authenticates() {
    assert_eq!(field(json!({"requirements": null})), [(Rule::C24, Medium)]);
    let old = json!({"requirements": null, "launch_token_hash": "00"});
    assert_eq!(field(old.clone()), [(Rule::C24, Medium)], "nothing reads it");
    let mut checked = old;
    checked["pre_launch_script"] = "jq .launch_token_hash app-compose.json".into();
    assert_eq!(field(checked), [(Rule::C7, Low)]);
    assert_eq!(field(json!({"requirements": null, "allowed_envs": []})), []);
}

#[test]
fn c25_a_gpu_that_may_be_debugged() {
    let policy = |policy: Value| {
        field(json!({"requirements": {"launch_token_hash": "00", "gpu_policy": policy}}))
    };
    assert_eq!(policy(json!({"allow_debug": true})), [(Rule::C25, High)]);
    assert_eq!(policy(json!({"attest_gpu": false})), [(Rule::C25, High)]);
    assert_eq!(policy(json!({"allow_debug": false})), []);
}

#[test]
fn the_gravest_come_first_and_there_is_an_end() {
    let many: String = (0..1000).map(|n| format!("  s{n}:\n    image: a:{n}\n")).collect();
    let report = lint(
        &document(json!({"docker_compose_file": format!("services:\n{many}")})),
        &Context::default(),
    );
    assert_eq!(report.findings.len(), MAX_FINDINGS + 1);
    let last = report.findings.last().unwrap();
    assert_eq!(
        (last.severity, last.message.as_str()),
        (High, "500 more findings are not shown, none graver than this.")
    );
    let sorted = service("privileged: true\nimage: $OURS\nenvironment: ['X=$Y']");
    assert_eq!(sorted, [(Rule::C2, Critical), (Rule::C9, High), (Rule::C20, Note)]);
}

#[test]
fn a_place_has_both_lines() {
    let text = format!(
        "{{\n\"runner\": \"docker-compose\",\n\"docker_compose_file\": {}\n}}",
        json!(services("image: a"))
    );
    let report = lint(&AppCompose::parse(text.as_bytes()).unwrap(), &Context::default());
    let finding = report.findings.iter().find(|it| it.rule == Rule::C1).unwrap();
    assert_eq!(finding.place, "services.web.image (line 3 of docker_compose_file)");
    assert_eq!(finding.line, 3);
}

#[test]
fn every_message_is_one_sentence() {
    let all = document(
        json!({"release": 1, "public_logs": true, "pre_launch_script": "curl x", "docker_compose_file":
        services("image: a:$OURS\nprivileged: true\nenvironment: ['SIGNING_KEY=${OURS:-x}']\nvolumes: ['/:/x', './a:/b']")}),
    );
    for finding in lint(&all, &Context::default()).findings {
        for sentence in [&finding.message, &finding.fix] {
            assert!(sentence.ends_with('.') && !sentence.contains('\n'), "{sentence}");
        }
    }
}

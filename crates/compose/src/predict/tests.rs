use super::*;

fn written(tool: Tool, text: &str) -> String {
    tool.serialise(&AppCompose::parse(text.as_bytes()).unwrap()).unwrap()
}

#[test]
fn each_tool_writes_in_its_own_way() {
    let text = "{\"runner\": \"bash\", \"b\": {\"10\": 1, \"9\": null, \"a\": 1.0}, \"bash_script\": \"a && b > c\\u00e9\",\n\"docker_compose_file\": \"\", \"pre_launch_script\": \"\", \"a\": null}\n";
    assert_eq!(written(Tool::Bytes, text), text);
    assert_eq!(written(Tool::BytesTrimmed, text), text.trim_end());
    assert_eq!(
        written(Tool::JavaScript, text),
        r#"{"a":null,"b":{"9":null,"10":1,"a":1},"bash_script":"a && b > cé","docker_compose_file":"","pre_launch_script":"","runner":"bash"}"#
    );
    assert_eq!(
        written(Tool::JavaScriptNormalized, text),
        r#"{"a":null,"b":{"9":null,"10":1,"a":1},"bash_script":"a && b > cé","runner":"bash"}"#
    );
    assert_eq!(
        written(Tool::PythonNormalized, text),
        r#"{"b":{"10":1,"9":null,"a":1.0},"bash_script":"a && b > cé","runner":"bash"}"#
    );
    assert_eq!(
        written(Tool::Go, text),
        r#"{"bash_script":"a \u0026\u0026 b \u003e cé","runner":"bash"}"#
    );
    assert!(written(Tool::JsonDumps, text).contains(r#""bash_script": "a && b > c\u00e9", "#));
    assert!(
        written(Tool::VmmCli, text)
            .starts_with("{\n    \"runner\": \"bash\",\n    \"b\": {\n        \"10\": 1,")
    );
}

#[test]
fn sorting_above_the_basic_plane_differs_between_javascript_and_python() {
    let text = "{\"runner\":\"\",\"\u{ff5e}\":1,\"\u{1f600}\":2}";
    let (javascript, python) = (written(Tool::JavaScript, text), written(Tool::Python, text));
    assert_eq!(javascript, "{\"runner\":\"\",\"\u{1f600}\":2,\"\u{ff5e}\":1}");
    assert_eq!(python, "{\"runner\":\"\",\"\u{ff5e}\":1,\"\u{1f600}\":2}");
}

#[test]
fn what_a_tool_would_refuse_is_not_guessed() {
    let document = AppCompose::parse(br#"{"name": 1, "__proto__": {}, "x": 1e999}"#).unwrap();
    for tool in [Tool::JavaScript, Tool::Python, Tool::Go, Tool::Stringify] {
        assert!(tool.serialise(&document).is_err(), "{tool:?}");
    }
    let predictions = predict(&document);
    assert_eq!(predictions.len(), Tool::ALL.len());
    assert_eq!(matching(&predictions, document.hash()), [Tool::Bytes, Tool::BytesTrimmed]);
}

#[test]
fn the_last_of_two_equal_names_counts() {
    assert_eq!(written(Tool::Stringify, r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
}

#[test]
fn the_go_sdk_says_what_it_loses() {
    let document = AppCompose::parse(br#"{"runner":"bash","init_script":"x"}"#).unwrap();
    let predictions = predict(&document);
    let go = predictions.iter().find(|it| it.tool == Tool::Go).unwrap();
    assert_eq!(go.note.as_deref(), Some("It leaves out init_script, which it does not know."));
}

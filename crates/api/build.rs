//! Tells the generator of the OpenAPI document how the types of other crates are written in JSON.

fn main() {
    utoipa_config::Config::new()
        .alias_for("B256", "HashText")
        .alias_for("Address", "AddressText")
        .alias_for("Bytes", "BytesText")
        .alias_for("Timestamp", "TimeText")
        .write_to_file();
}

//! Makes cargo notice a migration file that was added; those already embedded are tracked by the compiler itself.

fn main() {
    println!("cargo:rerun-if-changed=../../indexer-migrations");
}

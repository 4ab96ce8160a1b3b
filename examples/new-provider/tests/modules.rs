//! Inside a crate no two modules depend on each other, directly or indirectly.
//!
//! A module depends on another one if its text, without tests, has a path to it; a re-export leads to the
//! module that has the item. A `pub use` alone is not a dependency: a folder re-exports its files.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module or an item: its path below `crate`.
type Name = Vec<String>;

/// One module file.
#[derive(Default)]
struct Module {
    /// The paths in its text.
    paths: BTreeSet<Name>,
    /// What its `use` lines name, by the last word.
    imports: BTreeMap<String, Name>,
}

type Crate = BTreeMap<Name, Module>;

/// Allowed cycles, by crate and module: types of one GraphQL schema name each other.
const ALLOWED: [&str; 1] = ["examples/fake-cloud railway::schema"];

fn read_crate(src: &Path) -> Crate {
    let mut found = Crate::new();
    for root in ["lib.rs", "main.rs"] {
        let path = src.join(root);
        if path.exists() {
            read_module(&path, src, Name::new(), &mut found);
        }
    }
    found
}

fn read_module(file: &Path, folder: &Path, name: Name, found: &mut Crate) {
    let text = std::fs::read_to_string(file).unwrap();
    let tokens: TokenStream = text.parse().unwrap();
    let mut reader = Reader {
        name,
        module: Module::default(),
        children: Vec::new(),
    };
    reader.read(tokens);
    let Reader {
        name,
        module,
        children,
    } = reader;
    for child in children {
        let (flat, nested) = (
            folder.join(format!("{child}.rs")),
            folder.join(&child).join("mod.rs"),
        );
        let below = [name.clone(), vec![child.clone()]].concat();
        if let Some(file) = [flat, nested].into_iter().find(|path| path.exists()) {
            read_module(&file, &folder.join(&child), below, found);
        }
    }
    let merged = found.entry(name).or_default();
    merged.paths.extend(module.paths);
    merged.imports.extend(module.imports);
}

struct Reader {
    name: Name,
    module: Module,
    children: Vec<String>,
}

impl Reader {
    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let (mut at, mut test, mut public) = (0, false, false);
        while at < tokens.len() {
            let word = tokens[at].to_string();
            match &tokens[at] {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                    let attribute: String = word.split_whitespace().collect();
                    test |= attribute.starts_with("[cfg(test")
                        || attribute.starts_with("[cfg(all(test");
                    self.read(group.stream());
                }
                TokenTree::Group(group) => {
                    let visibility = at > 0 && is(&tokens, at - 1, "pub");
                    if !test && !visibility {
                        self.read(group.stream());
                    }
                    if group.delimiter() == Delimiter::Brace {
                        (test, public) = (false, false);
                    }
                }
                TokenTree::Punct(_) if word == ";" => (test, public) = (false, false),
                TokenTree::Ident(_) if word == "pub" => public = true,
                TokenTree::Ident(_) if word == "use" => {
                    let end = (at..tokens.len()).find(|i| tokens[*i].to_string() == ";");
                    let end = end.unwrap_or(tokens.len());
                    if !test {
                        self.read_use(&tokens[at + 1..end], &Name::new(), public);
                    }
                    at = end - 1;
                }
                TokenTree::Ident(_) if word == "mod" && is(&tokens, at + 2, ";") => {
                    if !test {
                        self.children.push(tokens[at + 1].to_string());
                    }
                }
                TokenTree::Ident(_)
                    if !test && is(&tokens, at + 1, ":") && is(&tokens, at + 2, ":") =>
                {
                    let mut path = vec![word];
                    while is(&tokens, at + 1, ":") && is(&tokens, at + 2, ":") {
                        let Some(TokenTree::Ident(next)) = tokens.get(at + 3) else {
                            break;
                        };
                        path.push(next.to_string());
                        at += 3;
                    }
                    self.module.paths.extend(self.resolve(&path));
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            at += 1;
        }
    }

    /// One `use` line, or a part of its braces: every name in it.
    fn read_use(&mut self, tokens: &[TokenTree], before: &Name, public: bool) {
        let mut path = before.clone();
        let mut shown_as = None;
        let mut words = tokens.iter();
        while let Some(token) = words.next() {
            match token {
                TokenTree::Ident(word) if *word == "as" => {
                    shown_as = words.next().map(ToString::to_string);
                }
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Group(group) => {
                    let inner: Vec<_> = group.stream().into_iter().collect();
                    for part in inner.split(|token| token.to_string() == ",") {
                        self.read_use(part, &path, public);
                    }
                    return;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
        if path.len() > 1 && path.last().is_some_and(|word| word == "self") {
            path.pop();
        }
        let (Some(target), Some(last)) = (self.resolve(&path), path.last()) else {
            return;
        };
        let name = shown_as.unwrap_or_else(|| last.clone());
        self.module.imports.insert(name, target.clone());
        if !public {
            self.module.paths.insert(target);
        }
    }

    /// The path from the root of the crate, for a path within it.
    fn resolve(&self, path: &[String]) -> Option<Name> {
        let ups = path.iter().take_while(|word| *word == "super").count();
        let rest = |base: &[String], used: usize| [base, &path[used..]].concat();
        match path.first()?.as_str() {
            "crate" => Some(rest(&[], 1)),
            "self" => Some(rest(&self.name, 1)),
            "super" => Some(rest(&self.name[..self.name.len().checked_sub(ups)?], ups)),
            // Perhaps a module below this one.
            _ => Some(rest(&self.name, 0)),
        }
    }
}

fn is(tokens: &[TokenTree], at: usize, text: &str) -> bool {
    tokens
        .get(at)
        .is_some_and(|token| token.to_string() == text)
}

/// The module that has what `path` names.
fn home(modules: &Crate, path: &[String], depth: usize) -> Option<Name> {
    let length = (0..=path.len())
        .rev()
        .find(|length| modules.contains_key(&path[..*length]))?;
    let (module, rest) = path.split_at(length);
    let import = rest
        .first()
        .and_then(|word| modules[module].imports.get(word));
    match import {
        Some(target) if depth < 8 && *target != path => {
            home(modules, &[target, &rest[1..]].concat(), depth + 1)
        }
        Some(_) | None => Some(module.to_vec()),
    }
}

/// The direct dependencies of each module.
fn needs(modules: &Crate) -> BTreeMap<&Name, BTreeSet<Name>> {
    let of = |name: &Name, module: &Module| {
        let homes = module
            .paths
            .iter()
            .filter_map(|path| home(modules, path, 0));
        // A name of another crate looks like one of the module itself.
        homes.filter(|other| other != name).collect()
    };
    modules
        .iter()
        .map(|(name, module)| (name, of(name, module)))
        .collect()
}

/// All direct and indirect dependencies of a module.
fn reach(needs: &BTreeMap<&Name, BTreeSet<Name>>, from: &Name) -> BTreeSet<Name> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(one) = open.pop() {
        open.extend(
            needs[one]
                .iter()
                .filter(|other| seen.insert((*other).clone())),
        );
    }
    seen
}

/// The modules in cycles: each depends on itself through others.
fn in_circles(modules: &Crate) -> Vec<String> {
    let needs = needs(modules);
    let circular = needs
        .keys()
        .filter(|name| reach(&needs, name).contains(**name));
    circular.map(|name| name.join("::")).collect()
}

#[test]
fn no_module_needs_itself_through_others() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let manifest: toml_edit::DocumentMut = manifest.parse().unwrap();
    for member in manifest["workspace"]["members"].as_array().unwrap() {
        let member = member.as_str().unwrap();
        let mut circular = in_circles(&read_crate(&root.join(member).join("src")));
        circular.retain(|module| {
            let place = format!("{member} {module}");
            !ALLOWED.iter().any(|allowed| place.starts_with(allowed))
        });
        assert!(
            circular.is_empty(),
            "{member}: these modules depend on each other: {circular:?}"
        );
    }
}

/// The test above proves nothing unless it detects cycles.
#[test]
fn a_cycle_is_found_and_a_re_export_is_not_one() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("lib.rs", "mod a; mod b; mod c; pub use b::B;");
    write(
        "a.rs",
        "pub struct A; #[cfg(test)] mod tests { use crate::c::C; }",
    );
    write("b.rs", "use crate::a::A; pub struct B(A);");
    write(
        "c.rs",
        "use crate::{a, B}; pub struct C(B); fn f() -> a::A { g![crate::d::D] }",
    );
    assert!(in_circles(&read_crate(folder.path())).is_empty());
    write("a.rs", "pub struct A; fn f() { let _ = h!(super::c::C); }");
    assert_eq!(in_circles(&read_crate(folder.path())), ["a", "b", "c"]);
}

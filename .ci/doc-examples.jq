# The public items of a crate that have no example, from its rustdoc JSON: one line each.

# The examples of an item that run: blocks of code that are marked as nothing else, such as `no_run`.
def code: (.docs // "") | split("```") | [.[range(1; length; 2)] | select(startswith("\n"))] | join("\n");
def place: "\(.span.filename):\(.span.begin[0])";
def is(kinds): (.inner | keys[0]) as $kind | kinds | index($kind) != null;

.index as $index
| if $index == {} then error("the JSON has no item") else . end
| def item: $index[tostring];
  # Each type with the items of its own, each trait with its members.
  [ $index[] | select(.crate_id == 0)
    | if .inner.trait then { of: ., members: [.inner.trait.items[] | item] }
      elif .inner.impl and .inner.impl.trait == null and .inner.impl.for.resolved_path
      then { of: (.inner.impl.for.resolved_path.id | item), members: [.inner.impl.items[] | item] }
      else empty end
    | select(.of) ] as $groups
| ([$index[].inner | (.impl // .trait // empty).items[] | tostring | { key: ., value: true }] | from_entries)
  as $member
| ( $index[]
    | select(.crate_id == 0 and is(["module", "struct", "enum", "union", "trait", "function", "type_alias", "macro"]))
    | select($member[.id | tostring] | not)
    | select(code == "")
    | "\(place): \(.name) has no example" ),
  ( $groups | group_by(.of.id)[]
    | .[0].of as $of
    | (map(.members[] | code) + [$of | code] | join("\n")) as $shown
    | .[].members[] | select(.inner.function)
    | select(.name as $name | $shown | test("(\\.|::|fn )" + $name + "\\b") | not)
    | "\(place): \($of.name)::\(.name) is in no example" )

"""The registry of diagnostic codes. Codes are permanent: a retired one is never used for anything else.

Families: 1xx YAML, 2xx schema, 3xx references, traffic and egress, 4xx provider configuration (also used by provider
plugins), 5xx secrets (XMC510 to XMC529 belong to the proof of references), 9xx internal. Every code has a page
`docs/errors/<code>.md` with a bad and a good example.
"""

import msgspec

from xmc.schema import Severity


class Code(msgspec.Struct, frozen=True):
    """One kind of diagnostic. `explanation` says why it matters, in a sentence or two."""

    code: str
    title: str
    explanation: str
    severity: Severity = Severity.ERROR

    @property
    def anchor(self) -> str:
        """Where the code is documented, from the root of the repository."""
        return f"docs/errors/{self.code}.md"


_W = Severity.WARNING
_N = Severity.NOTE

_CODES = (
    Code("XMC101", "YAML syntax error", "The text cannot be read as YAML, so nothing after this place was looked at."),
    Code("XMC102", "duplicate key", "YAML lets the last one win, silently; a spec must say a thing once."),
    Code("XMC103", "tab in the indentation", "YAML indents with spaces only."),
    Code("XMC104", "unquoted braces", "To YAML, {{x}} without quotes is a mapping inside a mapping, not text."),
    Code("XMC105", "alias without anchor", "An alias must name an anchor that is complete before it."),
    Code("XMC106", "aliases expand too far", "Aliases may not make the spec more than ten times its own size."),
    Code("XMC107", "nested too deeply", "A spec is at most 64 levels deep."),
    Code("XMC108", "file too large", "A spec is at most 64 MB."),
    Code("XMC109", "nothing in the file", "A spec needs at least `endpoints: []`."),
    Code("XMC110", "not UTF-8 text", "A spec is UTF-8 without control characters."),
    Code("XMC111", "several documents", "One file holds one spec; a second YAML document would be ignored."),
    Code("XMC112", "key is not a string", "Every key of a spec is text."),
    Code("XMC113", "YAML tag", "Tags make values that JSON does not have; only the standard scalar tags are read."),
    Code("XMC114", "bad merge", "The merge key << takes a mapping, or a list of mappings."),
    Code(
        "XMC115", "quote in unquoted text", "YAML keeps a quote that stands inside of plain text as a part of it.", _W
    ),
    Code("XMC201", "unknown key", "A key that nothing reads is a typing mistake; it is never ignored."),
    Code("XMC202", "missing key", "Something that cannot be left out was left out."),
    Code("XMC203", "wrong type", "The value is of another type than the key takes."),
    Code("XMC204", "wrong value", "The value is of the right type, but not one that the key takes."),
    Code("XMC205", "not enforced", "This version does not do what the key asks for; accepting it would be a lie."),
    Code("XMC206", "no effect", "The key is part of the Databricks contract, but means nothing here.", _W),
    Code("XMC207", "two of an either-or", "Only one of these keys can count."),
    Code("XMC208", "none of an either-or", "One of these keys is needed."),
    Code("XMC209", "expression", "Expressions are not worked out here; the text would be used as it stands."),
    Code("XMC210", "not an external model", "xmc serves external models; a model of one's own is not one."),
    Code("XMC211", "both forms at once", "The flat form and `config:` say the same thing twice."),
    Code("XMC212", "unusable name", "Names become part of URLs: letters, digits, - and _, at most 63 of them."),
    Code("XMC213", "key in two files", "Lists of endpoints and of principals are joined; nothing else may come twice."),
    Code("XMC220", "unknown variable", "The expression reads a variable, or a part of one, that does not exist."),
    Code("XMC221", "not an expression", "Expressions are Jinja2's, without statements, calls and anything of Python."),
    Code("XMC222", "expression fails", "The values do not fit the expression, or make too much of it."),
    Code("XMC223", "variables in a circle", "A variable cannot be worked out from itself."),
    Code("XMC224", "variable without a value", "It is declared without one, so each compile must give it."),
    Code("XMC225", "value for no variable", "A value from the command line that nothing reads is a typing mistake."),
    Code("XMC301", "endpoint defined twice", "Clients name an endpoint; two of one name cannot both answer."),
    Code("XMC302", "served entity defined twice", "Routes name an entity; two of one name cannot both be meant."),
    Code("XMC303", "traffic is not 100 percent", "The routes of an endpoint share out all of its traffic."),
    Code("XMC304", "route to an unknown entity", "A route must name a served entity of its own endpoint."),
    Code("XMC305", "entity without a route", "It gets no traffic and is reached only by its own path.", _W),
    Code("XMC306", "no traffic_config", "With several entities the shares must be written down."),
    Code("XMC307", "two routes to one entity", "The share of an entity is written once."),
    Code("XMC308", "several tasks", "All entities of an endpoint serve the same task."),
    Code(
        "XMC309",
        "no usable default name",
        "The name that an entity gets by default holds characters that a URL cannot.",
    ),
    Code("XMC310", "two names for one endpoint", "`config.name` repeats the endpoint's name or is left out."),
    Code("XMC311", "two names in one route", "served_entity_name and served_model_name are the same key, spelt twice."),
    Code("XMC312", "too many entities", "An endpoint has at most 15 served entities, as on Databricks."),
    Code("XMC313", "reserved name", "Databricks reserves names that begin with databricks- for its own endpoints.", _W),
    Code("XMC314", "principal for an unknown endpoint", "The permission would never be used."),
    Code("XMC315", "principal or token defined twice", "A caller must be one principal."),
    Code("XMC316", "unknown secret store", "A scope, the default or a reference names a store that does not exist."),
    Code("XMC320", "capability missing", "Clients may count on it, and one of the entities refuses or drops it."),
    Code("XMC321", "entities differ", "Whether a request is refused would depend on which entity answers it.", _W),
    Code("XMC322", "degrade without effect", "It permits a loss that cannot happen.", _W),
    Code("XMC330", "region not allowed", "Data would leave the regions that `residency` allows."),
    Code("XMC331", "region unknown", "With a residency policy, an upstream whose region nobody knows is not allowed."),
    Code("XMC332", "two regions", "The spec names another region than the one that is called."),
    Code("XMC340", "not a host", "What is allowed, or connected to, is named by host or address alone."),
    Code("XMC341", "host not allowed", "With `egress.allow` nothing is called that it does not list."),
    Code(
        "XMC342",
        "host that is never called",
        "Link-local, metadata, multicast and unspecified addresses are no upstreams.",
    ),
    Code(
        "XMC343",
        "odd spelling of an address",
        "What programs read differently can be checked as one and called as another.",
    ),
    Code("XMC344", "contradictory egress", "A connection can be led to one place only."),
    Code("XMC345", "unusable proxy", "A proxy is http://HOST:PORT or https://HOST:PORT, and holds no credentials."),
    Code("XMC346", "TLS setting without TLS", "It would look like protection and be none."),
    Code("XMC350", "defined and not used", "Nothing refers to it: a typing mistake, or something left over.", _W),
    Code("XMC351", "setting without effect", "Another setting makes it idle.", _W),
    Code("XMC352", "endpoint that nobody may call", "There are principals, and none of them has the permission.", _W),
    Code("XMC353", "the same upstream twice", "Entities that share everything cannot stand in for each other.", _W),
    Code("XMC401", "not supported in this version", "The provider has it, this version of its plugin does not yet."),
    Code("XMC402", "unusable URL", "The upstream could not be called with it."),
    Code("XMC403", "contradictory fields", "Fields that are each right do not go together."),
    Code("XMC404", "task not served", "The provider does not serve this task."),
    Code("XMC405", "unknown provider", "No installed plugin provides it."),
    Code("XMC406", "configuration of another provider", "Each provider reads its own `<provider>_config` only."),
    Code("XMC407", "plugin missing", "The target needs an authentication scheme or framing that is not installed."),
    Code("XMC420", "model near or past its end", "The provider stops serving it, or has stopped already.", _W),
    Code(
        "XMC421",
        "parameters that the model refuses",
        "Requests that set them get the provider's error, unless the spec says what to do with them.",
        _W,
    ),
    Code("XMC422", "provider past its end", "Nothing answers at the provider's API any more."),
    Code("XMC430", "name of another API", "The provider knows its models by other ids.", _W),
    Code("XMC501", "not a secret reference", "This key takes {{secrets/scope/key}}; a value belongs elsewhere."),
    Code("XMC502", "secret in an open place", "The key is not secret; the value would be sent and shown."),
    Code("XMC503", "secret typed into the spec", "It works, but the file now is a secret itself.", _W),
    Code(
        "XMC504", "malformed secret reference", "A reference is {{secrets/scope/key}}, with nothing to work out inside."
    ),
    Code("XMC505", "reference where a value is typed", "A `_plaintext` key takes the value itself."),
    Code("XMC510", "secret missing", "The store has no such path or field."),
    Code("XMC511", "secret denied", "The credentials of this compile may not see it; those of the gateway might."),
    Code("XMC512", "secret store unreachable", "The store did not answer, is sealed, or its TLS is not trusted."),
    Code("XMC513", "secret store unusable", "The store's settings or credentials do not work."),
    Code("XMC514", "value read", "The store can only prove a reference by reading its value; nothing was kept.", _N),
    Code("XMC515", "references not proven", "With --offline no store is asked.", _N),
    Code("XMC516", "secret readable, with a reservation", "The store gave it, and has something to say about it.", _W),
    Code("XMC901", "internal error", "A fault of xmc, not of the spec. Please report it."),
    Code("XMC902", "plugin error", "A plugin broke its contract, so its part of the spec could not be compiled."),
)

CODES: dict[str, Code] = {code.code: code for code in _CODES}
"""Every code of the compiler, in order."""

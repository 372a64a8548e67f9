"""What each code of `gateway check` says, and what to do: docs/checks.md is made of it; a test looks at the code."""

from __future__ import annotations

# In the order of what they are about.
GROUPS: dict[str, dict[str, str]] = {
    "Configuration": {
        "NoEffect": "A setting that is written changes nothing: what switches it on is not written, another bound ends first, or a variable has one underscore where levels are separated by two. The hint says what to set. `enabled = false` beside it says that it is meant.",
    },
    "Schema": {
        "Schema": "The schema is none, by GraphQL's own rules: the message says why.",
        "Supergraph": "The file is a composed supergraph: it says which service has a field, and no connector. Give the schema of the service.",
        "UnknownSpecification": "A `@link` names no specification, or one, or a version, that is not known: it has no effect.",
        "UnknownImport": "A `@link` imports what its specification does not have, or says no name. The hint has the nearest.",
        "RepeatedField": "A field stands twice and means the same. Remove one.",
        "DeprecatedImplementation": "A field is deprecated and its interface's field is not. Deprecate both; `graph.strict_deprecation` makes it an error.",
        "ScalarByName": "A scalar has the gateway's own meaning by its name. `[graph.scalars]` or `@scalar` says what is meant.",
        "Directive": "A directive of Python's does nothing where it stands, its class cannot be made with the arguments, or `@range` refuses the default of what carries it.",
        "FieldSet": "`@key`, `@requires` or `@provides` names what is no field of its type, or the key is of an interface, which is not served.",
        "UnboundDirective": "A directive of the schema's own does nothing. Bind a class by `@schema_directive`, or remove it.",
        "NoTypeResolver": "Values of an interface or union that Python gives say their type by `__typename` only. `@type_resolver` says it for them.",
    },
    "Changes": {
        "BreakingChange": "`--against` has found what may break a valid operation. With `--usage` it is an error where clients use it, and the message names them; see [partners](partners.md#changes).",
        "DangerousChange": "`--against` has found what breaks no operation, and may surprise a client: a new value of an enum, another default.",
        "TrustedDocument": "`--start`: a document of `[persisted_documents]` is not valid by the schema, or too much, and is refused to its clients. Release the schema that it is of, or retire the document.",
    },
    "Python": {
        "Resolver": "A function does not fit the schema: its name, its parameters, or what it is bound to. The hint has the name that is nearest.",
        "Plugin": "A plugin that the configuration names, with what it brings.",
        "NothingIsShared": "A function that runs beside resolvers has no `vary=`, and so no operation is shared. Declare the headers that it reads, `vary=()` for none.",
    },
    "Who may ask": {
        "InvalidView": "A view hides what its clients would have to know, or shows what they could not use: the message says what. See [partners](partners.md#views).",
        "UnknownTag": "A view names a tag that stands nowhere in the schema. What it was to hide is shown. Or a `@tag` has no name.",
        "NobodyIsKnown": "The schema or `authorization.require_authentication` asks who the client is, and nothing configures by what that is known; or it asks for policies, and no function decides any. See [authentication](authentication.md).",
        "OpenAuthentication": "A setting of `[authentication]` lets in more than it seems to: the message says whom, and the hint what to set.",
        "OpenProxies": "`server.trusted_proxies` has every address: any client says which address is his, and has its share of what is limited by address. Name the networks of the proxies alone.",
        "ProtectedRead": "A connector of an unprotected field reads a protected one. Protect both, or read another.",
        "IdentityHeader": "A header of a directive takes the client's own word for what a rule of `[headers]` gives from the principal. Take it out of the directive.",
        "MeaninglessRule": "A use of `@authenticated`, `@requiresScopes` or `@policy` that would protect nothing: its argument is not a list of lists of names in quotes, or it stands where no rule is looked at.",
    },
    "Sources": {
        "UnknownConnectorsVersion": "The `@link` names a version that is not known.",
        "NoSourceImport": "`@source` or `@connect` is used under a name that the `@link` does not give it.",
        "NoSourcesDefined": "A connector names a source and the schema declares none.",
        "SourceNameMismatch": "A connector names a source that is not declared. The hint has the nearest.",
        "InvalidSourceName": "A source's name has other characters than letters, digits, `_` and `-`, or begins with another than a letter.",
        "EmptySourceName": "A source has an empty name.",
        "DuplicateSourceName": "Two sources have one name.",
        "UnusedSource": "No connector names a source, and there is no Python that could ask it. Remove it, or name it.",
        "SourceUnreachable": "`gateway check --reach` could not connect to a source: its name is not known here, nothing listens, the network does not let this machine connect, or its certificate is not accepted.",
        "InvalidUrl": "A `baseURL` or URL is none.",
        "InvalidUrlScheme": "A URL is neither `http:` nor `https:`.",
    },
    "Connectors": {
        "MissingHttpMethod": 'A connector has no method and URL. Write `http: { GET: "/path" }`.',
        "MultipleHttpMethods": "A connector has several methods. Leave one.",
        "RelativeConnectUrlWithoutSource": "A URL is a path and the connector names no source.",
        "AbsoluteConnectUrlWithSource": "A URL has a host and the connector names a source.",
        "InvalidConnectorIdName": "An `id` is no name.",
        "DuplicateIdName": "Two connectors have one `id`.",
        "SecondConnector": "Two connectors stand where only one may: which would count is not said.",
        "ConnectOnRoot": "A connector stands on a root type. Put it on a field.",
        "SubscriptionInConnectors": "A connector stands on a subscription. Events come from Python.",
        "ConnectorsUnsupportedAbstractType": "A connector gives an interface or union under a version that cannot tell types apart. v0.4 can.",
        "CircularReference": "Connectors need each other's values before their own.",
        "NPlusOne": "A connector is called once for each object of a list. The hint has the batch that makes it one call.",
    },
    "Moves between sources": {
        "OverrideSourceUnknown": "`from` names no source, and no `id`, of the connectors beside it; or it names all of them. The hint has the nearest.",
        "OverrideSidesDiffer": "One side does not supply a field that the other does: it would be null for some clients. Map it on both.",
        "OverrideKeysDiffer": "The sides of a type read different keys. An object that is known by one cannot be asked for by the other.",
        "OverrideOnMutation": "A mutation moves by a label by which nothing is read from the new source. Move the reads by the same label.",
        "OverrideMisplaced": "An `@override` stands where there is no choice: on an interface, a subscription, a field of Python, beside fewer than two connectors, or beside `entity: true`.",
        "OverrideLabelInvalid": "A label is neither `percent(20)`, `flag:NAME` nor a name.",
        "OverrideLabelUnknown": "Neither `[override.labels]` nor a function with `@override_label` decides a label.",
        "ShadowMisplaced": "A `@shadow` stands where no `@override` says what is compared with what.",
        "ShadowOnMutation": "A `@shadow` stands on a field of `Mutation`: asking both sources would write twice.",
        "ShadowFieldUnknown": "`ignore` or `unordered` names no field of the schema, or `unordered` one that is no list. The hint has the nearest.",
        "ShadowValueInvalid": "`percent` or `tolerance` of a `@shadow` is out of its range.",
        "OverrideLabelUnused": "`[override.labels]` or Python decides a label that no `@override` has. Remove it.",
    },
    "Flags": {
        "FlagUnnamed": "`$flags` is read as a whole, or by a name that is computed. Write `$flags.NAME`: only what is named is decided.",
        "FlagTypeUnknown": "A flag has no default, by which it has a type; or a label is on or off by a flag that is neither. Set `flags.defaults.NAME`, or name a variant: `flag:NAME:VARIANT`.",
        "FlagsUndecided": "Fields depend on flags, and there is neither `flags.file` nor `flags.provider`: each flag has its default.",
        "FlagUnknown": "The file of flags lacks one that the schema uses. It has its default.",
        "FlagTypeMismatch": "A variant in the file is not of the type of the flag's default: for whom it is chosen the flag has its default.",
        "GoalUnknown": "`experiments.goals` names a mutation that there is not: it would never be reached.",
        "FlagVariantUnknown": "A label names a variant that its flag does not have. It is off.",
    },
    "Requests": {
        "InvalidHeader": "A header's name or value cannot be sent, or its expression gives no text.",
        "HttpHeaderNameCollision": "A header is set twice.",
        "InvalidUrlProperty": "`path` or `queryParams` is none, or reads what is not there.",
        "InvalidBody": "A `body` is none, or reads what is not there.",
        "InvalidArgument": "An argument of a directive has a value that it cannot have.",
        "UndefinedArgument": "`$args` is read with a name that the field has no argument of.",
        "UndefinedField": "`$this` or `$batch` is read with a name that the type has no field of.",
        "UnbracedVariable": "A variable stands in a URL or header without braces, and would be sent as it is written.",
        "UnsetVariable": "`$env` or `$config` has no such member. Set it, or write what is sent without it.",
    },
    "Mappings": {
        "InvalidSelection": "A `selection` does not parse; the column is in its text.",
        "UnknownMethod": "A method does not exist in this version.",
        "SelectedFieldNotFound": "A mapping gives a field that the type does not have.",
        "GroupSelectionIsNotObject": "A mapping gives an object where the field is a scalar.",
        "GroupSelectionRequiredForObject": "A mapping gives a value without members where the field is an object.",
        "ConnectorsFieldWithArguments": "A mapping gives a field that has arguments, which it cannot read. Give the field a connector.",
        "ConnectorsUnresolvedField": "No connector and no resolver gives a field that clients can ask for.",
        "MissingSchemaType": "A mapping cannot be held against a type that the schema lacks.",
        "InvalidErrorsMessage": "`errors` does not give a text as its message, or an object as its extensions; or one of them is empty.",
        "InvalidIsSuccess": "`isSuccess` does not give true or false; where it is empty no answer is a success.",
    },
    "Entities and batches": {
        "EntityNotOnRootQuery": "`entity: true` stands on another field than one of `Query`.",
        "EntityTypeInvalid": "`entity: true` stands on a field that gives no nullable object.",
        "EntityResolverArgumentMismatch": "An argument of an entity's connector is no field of its type.",
        "ConnectOnTypeMustBeEntity": "A connector on a type reads neither `$this` nor `$batch`, and so cannot tell one object from another.",
        "ConnectBatchAndThis": "A connector reads `$batch` and `$this`. It is either called for all or for one.",
        "BatchWithoutKeys": "A batch reads no member of `$batch` by which its rows could be told apart.",
        "ConnectorsBatchKeyNotInSelection": "The rows of a batch do not give the key that they are matched by. Add it to the selection.",
        "ConnectorsNonRootBatchKey": "The key of a batch lies inside an object of the rows. Map it to their top.",
        "UnusedCacheHint": "`@cacheControl` or `@cacheTag` has no effect: nothing with it is kept, or a tag's field is not in the selection.",
        "InvalidCost": "`@cost` has a weight that is no number. See [cost](cost.md).",
        "UnusedCost": "`@cost` has no effect on a field of an interface: put it on the fields of the types.",
        "InvalidListSize": "`@listSize` names arguments or fields that there are not, or that are no sizes and no lists.",
        "UnusedListSize": "`@listSize` has no effect: the field gives no list, and `sizedFields` names none.",
        "InvalidGroupBy": "`batch.groupBy` names no member of the key or the rows.",
    },
}


def checks() -> str:
    """The page, without its head."""
    lines = [
        "# Codes of `gateway check`\n",
        "What each finding is about, and what to do. [Check](check.md) says how it is run. The codes of connectors are those of the "
        "reference's checker.\n",
    ]
    for title, codes in GROUPS.items():
        lines += [f"\n## {title}\n", "| code | what it says, and what to do |", "|---|---|"]
        lines += [f"| `{code}` | {text} |" for code, text in codes.items()]
    return "\n".join(lines) + "\n"

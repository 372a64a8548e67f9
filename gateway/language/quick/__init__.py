"""Is a document certainly valid? One walk that finds no words for what is wrong: whoever fails it meets the reference.

graphql-core calls some thirty rules at every node. Nearly all documents that come have nothing for them to find, and to
see that takes a tenth of the time: each selection set is looked at once, with its types at hand. What is not plain (a
subscription, introspection, `@defer`, fields of one name that differ) is a doubt, never a refusal: the rules decide.
So nothing is refused here, and no error is written here. Pure; it must hold on any document that can be parsed.

`selections` looks at what stands in a definition itself, `values` at arguments, `operations` at what an operation has
with its fragments, `merging` at fields of one name.
"""

from gateway.language.quick.operations import is_certainly_valid

__all__ = ["is_certainly_valid"]

"""Generated Python: how its text is written, and how text becomes functions.

The one kit of all generators: plans (`codegen`), mappings and row decoders (`connectors`). Values never enter the
text; they are handed over in a namespace. It knows nothing of what is generated.
"""

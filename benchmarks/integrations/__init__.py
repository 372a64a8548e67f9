"""Strawberry, Ariadne and Graphene on compiled plans beside each as it is: see `__main__`."""

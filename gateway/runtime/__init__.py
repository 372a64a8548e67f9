"""What generated code calls and what it runs on: columns, loads, exact completion, the driver.

It must not know how code is made (`codegen`) nor which operation is run (`execute`).
"""

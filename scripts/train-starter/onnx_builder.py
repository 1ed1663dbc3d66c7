"""A few lines over onnx.helper: values with arithmetic, If and Loop as Python functions."""
import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

TYPES = {"float": TensorProto.FLOAT, "int64": TensorProto.INT64, "uint8": TensorProto.UINT8, "bool": TensorProto.BOOL}


class Value:
    def __init__(self, builder, name):
        self.b, self.name = builder, name

    def __add__(self, o): return self.b.op("Add", self, o)
    def __radd__(self, o): return self.b.op("Add", o, self)
    def __sub__(self, o): return self.b.op("Sub", self, o)
    def __rsub__(self, o): return self.b.op("Sub", o, self)
    def __mul__(self, o): return self.b.op("Mul", self, o)
    def __rmul__(self, o): return self.b.op("Mul", o, self)
    def __truediv__(self, o): return self.b.op("Div", self, o)
    def __rtruediv__(self, o): return self.b.op("Div", o, self)
    def __matmul__(self, o): return self.b.op("MatMul", self, o)
    def __gt__(self, o): return self.b.op("Greater", self, o)
    def __neg__(self): return self.b.op("Neg", self)


class Builder:
    def __init__(self):
        self.stack, self.initializers, self.constants, self.count = [[]], [], {}, 0

    def fresh(self):
        self.count += 1
        return f"v{self.count}"

    def const(self, value, dtype=np.float32):
        array = np.asarray(value, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constants:
            name = f"c{len(self.constants)}"
            self.initializers.append(numpy_helper.from_array(array, name))
            self.constants[key] = Value(self, name)
        return self.constants[key]

    def ints(self, value):
        return self.const(value, np.int64)

    def value(self, v):
        return v if isinstance(v, Value) else self.const(v)

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [self.fresh() for _ in range(outputs)]
        self.stack[-1].append(helper.make_node(kind, ["" if i is None else self.value(i).name for i in inputs], names, **attributes))
        values = [Value(self, n) for n in names]
        return values[0] if outputs == 1 else values

    def cast(self, v, kind):
        return self.op("Cast", v, to=TYPES[kind])

    def graph(self, function, inputs=(), outputs=("float",), name="g"):
        """Runs the function with a new node list and wraps what it made as a subgraph."""
        self.stack.append([])
        results = function()
        results = results if isinstance(results, (list, tuple)) else [results]
        outs = []
        for value, kind in zip(results, outputs):
            outs.append(helper.make_tensor_value_info(self.op("Identity", value).name, TYPES[kind], None))
        nodes = self.stack.pop()
        return helper.make_graph(nodes, name + self.fresh(), list(inputs), outs)

    def if_(self, condition, then, otherwise, outputs=("float",)):
        return self.op("If", condition, outputs=len(outputs), then_branch=self.graph(then, outputs=outputs), else_branch=self.graph(otherwise, outputs=outputs))

    def loop(self, trips, body, kind="uint8"):
        """Calls body(i) for i in 0..trips-1 and stacks its results."""
        i, go = self.fresh(), self.fresh()
        inputs = [helper.make_tensor_value_info(i, TensorProto.INT64, []), helper.make_tensor_value_info(go, TensorProto.BOOL, [])]
        graph = self.graph(lambda: [Value(self, go), body(Value(self, i))], inputs, ("bool", kind))
        return self.op("Loop", trips, self.const(True, bool), body=graph)

    def embed(self, model, inputs, prefix):
        """Nodes of another model, its inputs bound to values of this one. Returns its outputs."""
        model = compose.add_prefix(model, prefix)
        for given, value in zip(model.graph.input, inputs):
            self.stack[-1].append(helper.make_node("Identity", [self.value(value).name], [given.name]))
        self.initializers.extend(model.graph.initializer)
        self.stack[-1].extend(model.graph.node)
        return [Value(self, o.name) for o in model.graph.output]

    # shorthands
    def clip(self, v, low=0.0, high=1.0): return self.op("Clip", v, self.const(low), self.const(high))
    def at(self, v, *index):
        """v[i], v[i, j]: an element as a scalar or a row."""
        for i in index:
            v = self.op("Gather", v, self.ints(i), axis=0)
        return v
    def shape(self, v, *dims): return self.op("Reshape", v, self.ints(list(dims)))
    def unsqueeze(self, v, *axes): return self.op("Unsqueeze", v, self.ints(list(axes)))
    def concat(self, values, axis=0): return self.op("Concat", *values, axis=axis)
    def where(self, c, a, b): return self.op("Where", c, a, b)
    def mean(self, v, *axes, keep=1): return self.op("ReduceMean", v, self.ints(list(axes)), keepdims=keep)
    def sum(self, v, *axes, keep=1): return self.op("ReduceSum", v, self.ints(list(axes)), keepdims=keep)
    def max(self, v, *axes, keep=1): return self.op("ReduceMax", v, self.ints(list(axes)), keepdims=keep)
    def min(self, v, *axes, keep=1): return self.op("ReduceMin", v, self.ints(list(axes)), keepdims=keep)
    def transpose(self, v, *perm): return self.op("Transpose", v, perm=list(perm))
    def range(self, n): return self.op("Range", self.ints(0), n, self.ints(1))
    def take(self, v, index, axis): return self.op("Gather", v, index, axis=axis)
    def idiv(self, a, b): return self.op("Div", a, b if isinstance(b, Value) else self.ints(b))
    def imod(self, a, b): return self.op("Mod", a, b if isinstance(b, Value) else self.ints(b))
    def rows(self, v, start, stop): return self.op("Slice", v, self.ints([start]), self.ints([stop]), self.ints([0]))

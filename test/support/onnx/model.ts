import protobuf from 'protobufjs/minimal.js';
import { type ElementType, elementTypes } from './element-types.js';
import { type Constant, encodeTensor } from './tensor-proto.js';

/** One axis: a size, a name shared by equal axes, or null where nothing is said. */
export type Axis = number | string | null;

/** The type of a value in a graph. A tensor without `shape` declares no rank. */
export type ValueType =
  | { readonly tensor: ElementType; readonly shape?: readonly Axis[] }
  | { readonly sequence: ValueType }
  | { readonly map: { readonly key: ElementType; readonly value: ValueType } }
  | { readonly optional: ValueType };

/** A named input or output of a graph. */
export interface Value {
  readonly name: string;
  readonly type: ValueType;
}

/** An input or output that is a tensor: `value('x', 'float32', ['batch', 4])`; without a shape, of any rank. */
export function value(name: string, tensor: ElementType, shape?: readonly Axis[]): Value {
  return { name, type: shape ? { tensor, shape } : { tensor } };
}

/** A float attribute: an integral number alone would be written as an int. */
export function float(element: number): { readonly float: number } {
  return { float: element };
}

/** What an attribute may hold. A number is an int, an array of numbers ints; see {@link float} for floats. */
export type AttributeValue =
  | number
  | bigint
  | string
  | { readonly float: number }
  | readonly number[]
  | readonly string[]
  | Constant
  | Graph;

/** One operator of a graph. */
export interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly domain: string;
}

/** An operator of ONNX's own domain, or of `domain`: `node('Gather', ['table', 'ids'], ['row'], { axis: 0 })`. */
export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
  domain = '',
): Node {
  return { op, inputs, outputs, attributes, domain };
}

/** A graph: a model's own, or a branch or body held by an attribute. */
export interface Graph {
  /** @default 'graph' */
  readonly name?: string;
  readonly doc?: string;
  readonly nodes: readonly Node[];
  /** An input that is an initializer too may be left out by a request: it is overridable. */
  readonly inputs?: readonly Value[];
  readonly outputs: readonly Value[];
  readonly initializers?: readonly Constant[];
}

/** A graph and what a file says around it. */
export interface Model extends Graph {
  /** Version of ONNX's own operators. @default 17, which every onnxruntime of the last years knows */
  readonly opset?: number;
  /** Versions of the operators of other domains. */
  readonly domains?: Readonly<Record<string, number>>;
  /** Version of the file format. @default 8; float8 needs 9, int4 needs 10 */
  readonly irVersion?: number;
  readonly producer?: string;
  readonly domain?: string;
  readonly modelVersion?: number;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The bytes of a model file. Source of every field number below: onnx.proto of ONNX 1.22. */
export function model(description: Model): Uint8Array {
  const writer = protobuf.Writer.create();
  writer.uint32(1 << 3).int64(description.irVersion ?? 8);
  text(writer, 2, description.producer ?? 'servable-test');
  text(writer, 4, description.domain);
  if (description.modelVersion !== undefined) writer.uint32(5 << 3).int64(description.modelVersion);
  text(writer, 6, description.description);
  message(writer, 7, (graph) => writeGraph(graph, description));
  for (const [domain, version] of Object.entries({ '': description.opset ?? 17, ...description.domains })) {
    message(writer, 8, (opset) => {
      text(opset, 1, domain);
      opset.uint32(2 << 3).int64(version);
    });
  }
  for (const [key, fact] of Object.entries(description.metadata ?? {})) {
    message(writer, 14, (entry) => text(text(entry, 1, key), 2, fact));
  }
  return writer.finish();
}

function writeGraph(writer: protobuf.Writer, graph: Graph): void {
  for (const each of graph.nodes) message(writer, 1, (node) => writeNode(node, each));
  text(writer, 2, graph.name ?? 'graph');
  for (const each of graph.initializers ?? []) message(writer, 5, (tensor) => encodeTensor(each, tensor));
  text(writer, 10, graph.doc);
  for (const each of graph.inputs ?? []) message(writer, 11, (input) => writeValue(input, each));
  for (const each of graph.outputs) message(writer, 12, (output) => writeValue(output, each));
}

function writeNode(writer: protobuf.Writer, node: Node): void {
  for (const name of node.inputs) text(writer, 1, name);
  for (const name of node.outputs) text(writer, 2, name);
  text(writer, 4, node.op);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    message(writer, 5, (held) => writeAttribute(text(held, 1, name), attribute));
  }
  if (node.domain !== '') text(writer, 7, node.domain);
}

/** The type numbers (field 20): FLOAT 1, INT 2, STRING 3, TENSOR 4, GRAPH 5, INTS 7, STRINGS 8. */
function writeAttribute(writer: protobuf.Writer, attribute: AttributeValue): void {
  const type = (code: number) => writer.uint32(20 << 3).int32(code);
  if (typeof attribute === 'number' && !Number.isInteger(attribute)) {
    throw new Error(`Cannot write ${attribute} as an int, use float(${attribute})`);
  }
  if (typeof attribute === 'number' || typeof attribute === 'bigint') {
    type(2)
      .uint32(3 << 3)
      .int64(String(attribute));
  } else if (typeof attribute === 'string') {
    text(type(3), 4, attribute);
  } else if ('float' in attribute) {
    type(1)
      .uint32((2 << 3) | 5)
      .float(attribute.float);
  } else if ('nodes' in attribute) {
    message(type(5), 6, (graph) => writeGraph(graph, attribute));
  } else if ('elementType' in attribute) {
    message(type(4), 5, (tensor) => encodeTensor(attribute, tensor));
  } else {
    type(attribute.some((element) => typeof element === 'string') ? 8 : 7);
    for (const element of attribute) {
      if (typeof element === 'string') text(writer, 9, element);
      else writer.uint32(8 << 3).int64(element);
    }
  }
}

function writeValue(writer: protobuf.Writer, { name, type }: Value): void {
  message(text(writer, 1, name), 2, (typeProto) => writeType(typeProto, type));
}

function writeType(writer: protobuf.Writer, type: ValueType): void {
  if ('sequence' in type) {
    message(writer, 4, (sequence) => message(sequence, 1, (element) => writeType(element, type.sequence)));
  } else if ('optional' in type) {
    message(writer, 9, (optional) => message(optional, 1, (element) => writeType(element, type.optional)));
  } else if ('map' in type) {
    message(writer, 5, (map) => {
      map.uint32(1 << 3).int32(elementTypes[type.map.key].code);
      message(map, 2, (held) => writeType(held, type.map.value));
    });
  } else {
    message(writer, 1, (tensor) => {
      tensor.uint32(1 << 3).int32(elementTypes[type.tensor].code);
      if (type.shape) message(tensor, 2, (shape) => writeShape(shape, type.shape ?? []));
    });
  }
}

function writeShape(writer: protobuf.Writer, axes: readonly Axis[]): void {
  for (const axis of axes) {
    message(writer, 1, (dim) => {
      if (typeof axis === 'number') dim.uint32(1 << 3).int64(axis);
      else if (axis !== null) text(dim, 2, axis);
    });
  }
}

function text(writer: protobuf.Writer, field: number, characters: string | undefined): protobuf.Writer {
  return characters === undefined ? writer : writer.uint32((field << 3) | 2).string(characters);
}

function message(
  writer: protobuf.Writer,
  field: number,
  write: (nested: protobuf.Writer) => unknown,
): protobuf.Writer {
  write(writer.uint32((field << 3) | 2).fork());
  return writer.ldelim();
}

// SPDX-License-Identifier: Apache-2.0
#if canImport(CDNNL)
  import CDNNL

  /// Matrix products by oneDNN, whose threads are libgomp's.
  final class OneDNN: MatrixLibrary {
    private let context: OneDNNContext
    private let widens: Bool
    private var prepared: [Key: any PreparedProduct] = [:]

    private struct Key: Hashable {
      var product: MatrixProduct
      var accumulates: Bool
    }

    /// - Parameter widens: whether bfloat16 operands are widened even where oneDNN has products of
    ///   them for this processor.
    init(widens: Bool) throws {
      self.widens = widens
      context = try OneDNNContext()
    }

    func prepare(_ product: MatrixProduct, accumulates: Bool) throws -> any PreparedProduct {
      let key = Key(product: product, accumulates: accumulates)
      if let known = prepared[key] { return known }
      let made: any PreparedProduct =
        try native(product, accumulates)
        ?? WidenedProduct(product, accumulates: accumulates, prepare: prepare)
      prepared[key] = made
      return made
    }

    /// The product as oneDNN has it; nil where it has none for bfloat16 on this processor.
    private func native(_ product: MatrixProduct, _ accumulates: Bool) throws -> OneDNNProduct? {
      if widens && !product.isFloat32 { return nil }
      var handle = espalier_matmul()
      let status = espalier_matmul_create(
        &handle, context.engine, Int64(product.rows), Int64(product.columns),
        Int64(product.depth), operand(product.a), operand(product.b), operand(product.c),
        product.hasBias ? 1 : 0, accumulates ? 1 : 0)
      if status == dnnl_unimplemented && !product.isFloat32 { return nil }
      try check(status, "preparing \(product)")
      return OneDNNProduct(handle, context)
    }

    private func operand(_ operand: MatrixProduct.Operand) -> espalier_operand {
      let stride = Int64(operand.stride)
      return espalier_operand(
        is_bf16: operand.type == .bfloat16 ? 1 : 0,
        row_stride: operand.isTransposed ? 1 : stride,
        column_stride: operand.isTransposed ? stride : 1)
    }
  }

  /// oneDNN's engine and stream, for as long as a product may run on them.
  private final class OneDNNContext {
    private(set) var engine: dnnl_engine_t?
    private(set) var stream: dnnl_stream_t?

    init() throws {
      try check(dnnl_engine_create(&engine, dnnl_cpu, 0), "creating the engine")
      try check(
        dnnl_stream_create(&stream, engine, UInt32(dnnl_stream_default_flags.rawValue)),
        "creating the stream")
    }

    deinit {
      if let stream { dnnl_stream_destroy(stream) }
      if let engine { dnnl_engine_destroy(engine) }
    }
  }

  /// A primitive with its memory handles; one call at a time.
  private final class OneDNNProduct: PreparedProduct {
    private var handle: espalier_matmul
    private let context: OneDNNContext

    init(_ handle: espalier_matmul, _ context: OneDNNContext) {
      self.handle = handle
      self.context = context
    }

    deinit { espalier_matmul_destroy(&handle) }

    func run(
      _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ c: UnsafeMutableRawPointer,
      bias: UnsafePointer<Float>?
    ) throws {
      try check(espalier_matmul_run(&handle, context.stream, a, b, c, bias), "running a product")
    }
  }

  private func check(_ status: dnnl_status_t, _ what: @autoclosure () -> String) throws {
    guard status == dnnl_success else {
      throw LinearAlgebraError(
        .libraryFailed, "oneDNN failed with status \(status.rawValue) while \(what())",
        subject: "matrix product")
    }
  }
#endif

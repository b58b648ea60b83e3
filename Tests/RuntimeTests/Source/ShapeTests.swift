import QueueRunner
import Testing

@testable import Runtime

private typealias Texts = WorkflowTexts

@Suite("the shape of a workflow")
struct ShapeTests {
  private static let callbacks = [
    "async (ctx) => {}", "(ctx) => {}", "ctx => {}", "async ctx => {}", "() => 1", "async () => ({})",
    "async ({ hostCommand }) => { await hostCommand({}) }", "async function (ctx) {}", "function run(ctx) {}",
    "async (ctx: Ctx): Promise<void> => {}", "async (ctx: Ctx<{ a: 1 }>): Promise<{ a: string[] }> => {}",
    "async <T>(ctx: T) => {}", "async <T extends { a: 1 }, U = T>(ctx: T) => {}",
    "function <T>(ctx: T): void {}",
    "async function (ctx): Promise<{ a: 1 } | null> { return null; }", "(ctx) => f<A, B>(ctx)",
    "(ctx) => ctx.a ? [1, 2] : { a: 1, b: 2 }", "async (ctx) => { return /import\\(/.test('import(') }",
    "async (ctx) => { `import(${`import.meta`}`; /* import( */ }",
    "(ctx) => { ctx.import(1); ({ import: 2 }); }",
    "(ctx) => { ctx?.import; const { import: a } = ctx; }", "(ctx) => { require('fs'); }",
    "(ctx) => { export_(1); const importer = 2; importer(3); }", "(ctx) => { const a: { import: 1 } = ctx; }",
    "async(ctx) => {}", "(async) => {}", "async => {}", "(ctx): (() => void) => {}", "(a, b = [1, 2]) => {}",
  ]

  @Test("callbacks that are taken", arguments: callbacks)
  func callback(text: String) throws {
    #expect(try Texts.read(Texts.whole(Texts.manifest, text)).manifest.name == "n")
    _ = try Texts.read(Texts.whole(Texts.manifest, text + ","))
  }

  @Test(
    "frames that are taken",
    arguments: [
      "import { workflow } from '@flowdex/runtime'\nexport default workflow(M, C)",
      "import{workflow}from\"@flowdex/runtime\";export default workflow(M,C);",
      "// a\n/* b */ import { workflow, } from \"@flowdex/runtime\"; /* import('x') */\n// c\nexport default workflow(M, C) // d",
      "import { workflow, type Ctx } from \"@flowdex/runtime\";\nexport default workflow(M, C);",
      "import { type Ctx as Context, workflow, type Task, } from \"@flowdex/runtime\";\nexport default workflow(M, C);",
      "import { workflow } from \"@flowdex/runtime\";\nexport default workflow<Input>(M, C);",
      "import { workflow } from \"@flowdex/runtime\";\nexport default workflow<{ a: string }, A<B<C>> | null>(M, C);",
      "import { workflow } from \"@flowdex/runtime\";\nexport default workflow(M as const, C);",
      "import { workflow } from \"@flowdex/runtime\";\nexport default workflow(M as const satisfies A.B<C>, C);",
      "\u{2028}import { workflow } from \"\\u0040flowdex/runtime\"\u{2029}export default workflow(M, C)\u{FEFF}",
      "import\n{\nworkflow\n}\nfrom\n\"@flowdex/runtime\"\n;\nexport\ndefault\nworkflow\n(\nM\n,\nC\n,\n)\n;",
    ])
  func frames(text: String) throws {
    let text = text.replacing("M", with: Texts.manifest).replacing("C)", with: Texts.callback + ")")
      .replacing("C\n,", with: Texts.callback + "\n,").replacing(
        "M,C", with: "\(Texts.manifest),\(Texts.callback)")
    #expect(try Texts.read(text).manifest.name == "n")
  }

  private static let heads = [
    BadWorkflow("", "1:1", "does not begin with its import"),
    BadWorkflow(" \n// only", "2:8", "the end of the file"),
    BadWorkflow("export default workflow({}, () => {})", "1:1", "does not begin with its import"),
    BadWorkflow("'use strict';\n" + Texts.whole(), "2:1", "another import"),
    BadWorkflow("import workflow from '@flowdex/runtime'", "1:8", "`{ workflow }`"),
    BadWorkflow("import * as w from '@flowdex/runtime'", "1:8", "not allowed"),
    BadWorkflow("import '@flowdex/runtime'", "1:8", "not allowed"),
    BadWorkflow("import type { workflow } from '@flowdex/runtime'", "1:8", "not allowed"),
    BadWorkflow("import {} from '@flowdex/runtime'", "1:8", "`workflow` is not imported"),
    BadWorkflow("import { type A } from '@flowdex/runtime'", "1:8", "`workflow` is not imported"),
    BadWorkflow("import { workflow as w } from '@flowdex/runtime'", "1:19", "renamed"),
    BadWorkflow("import { type workflow } from '@flowdex/runtime'", "1:15", "the name of a type"),
    BadWorkflow("import { type A as workflow } from '@flowdex/runtime'", "1:20", "the name of a type"),
    BadWorkflow("import { workflow, workflow } from '@flowdex/runtime'", "1:20", "once"),
    BadWorkflow("import { workflow, other } from '@flowdex/runtime'", "1:20", "once"),
    BadWorkflow("import { other } from '@flowdex/runtime'", "1:10", "`other`"),
    BadWorkflow("import { default as workflow } from '@flowdex/runtime'", "1:10", "`default`"),
    BadWorkflow("import { 'workflow' as workflow } from '@flowdex/runtime'", "1:10", "not allowed"),
    BadWorkflow("import { workflow type A } from '@flowdex/runtime'", "1:19", "`,` or `}`"),
    BadWorkflow("import { workflow } '@flowdex/runtime'", "1:21", "without a module"),
    BadWorkflow("import { workflow } from './runtime'", "1:26", "no other module"),
    BadWorkflow("import { workflow } from `@flowdex/runtime`", "1:26", "no other module"),
    BadWorkflow(
      "import { workflow } from '@flowdex/runtime' with { type: 'json' }", "1:45", "`;` or a new line"),
    BadWorkflow("import { workflow } from '@flowdex/runtime' export default 1", "1:45", "`;` or a new line"),
    BadWorkflow("imp\\u006frt { workflow } from '@flowdex/runtime'", "1:1", "does not begin"),
    BadWorkflow(Texts.importLine, "1:45", "there is no workflow"),
    BadWorkflow(Texts.importLine + ";", "1:45", "only the workflow"),
    BadWorkflow(Texts.importLine + "\nimport fs from 'fs'", "2:1", "another import"),
    BadWorkflow(Texts.importLine + "\nimport type { A } from './a'", "2:1", "another import"),
    BadWorkflow(Texts.importLine + "\nimport x = require('x')", "2:1", "another import"),
    BadWorkflow(Texts.importLine + "\nimport('x')", "2:1", "dynamic import"),
    BadWorkflow(Texts.importLine + "\nconst a = 1", "2:1", "only the workflow"),
    BadWorkflow(Texts.importLine + "\nexport const a = 1", "2:8", "default export"),
    BadWorkflow(Texts.importLine + "\nexport * from 'fs'", "2:8", "default export"),
    BadWorkflow(Texts.importLine + "\nexport { a as default }", "2:8", "default export"),
    BadWorkflow(Texts.importLine + "\nexport default { a: 1 }", "2:16", "not a call of `workflow`"),
    BadWorkflow(Texts.importLine + "\nexport default async () => {}", "2:16", "not a call of `workflow`"),
    BadWorkflow(
      Texts.importLine + "\nexport default (workflow({}, () => {}))", "2:16", "not a call of `workflow`"),
    BadWorkflow(Texts.importLine + "\nexport default workflow", "2:24", "not called"),
    BadWorkflow(Texts.importLine + "\nexport default workflow.call(1)", "2:24", "not called"),
    BadWorkflow(Texts.importLine + "\nexport default workflow?.(1)", "2:24", "not called"),
    BadWorkflow(Texts.importLine + "\nexport default workflow`a`", "2:24", "not called"),
    BadWorkflow(Texts.importLine + "\nexport default workflow<A({}, () => {})", "2:26", "type arguments"),
    BadWorkflow(Texts.importLine + "\nexport default workflow()", "2:25", "no arguments"),
    BadWorkflow(Texts.importLine + "\nexport default workflow(m, () => {})", "2:25", "not an object literal"),
    BadWorkflow(Texts.importLine + "\nexport default workflow(...m)", "2:25", "not an object literal"),
    BadWorkflow(
      Texts.importLine + "\nexport default workflow(({}), () => {})", "2:25", "not an object literal"),
    BadWorkflow(Texts.importLine + "\nexport default workflow({})", "2:27", "no callback"),
    BadWorkflow(Texts.importLine + "\nexport default workflow({},)", "2:28", "no callback"),
  ]

  @Test("what else stands in the file", arguments: heads)
  func head(bad: BadWorkflow) { bad.check() }

  /// Column 1 of line 3 is where the callback begins.
  private static func after(_ callback: String) -> String {
    "\(Texts.importLine)\nexport default workflow(\(Texts.manifest),\n\(callback))"
  }

  private static let tails = [
    BadWorkflow(after("run"), "3:1", "not an arrow function"),
    BadWorkflow(after("1"), "3:1", "not an arrow function"),
    BadWorkflow(after("...a"), "3:1", "not an arrow function"),
    BadWorkflow(after("class {}"), "3:1", "not an arrow"),
    BadWorkflow(after("f(() => {})"), "3:1", "not an arrow"),
    BadWorkflow(after("(() => {})"), "3:1", "not an arrow"),
    BadWorkflow(after("async function* () {}"), "3:15", "generator"),
    BadWorkflow(after("async"), "3:6", "not an arrow"),
    BadWorkflow(after("() =>"), "3:6", "the body"),
    BadWorkflow(after("() => {}, 1"), "3:11", "two arguments"),
    BadWorkflow(after("() => {}, () => {}"), "3:11", "two arguments"),
    BadWorkflow(after("() => {} as any"), "3:10", "something else"),
    BadWorkflow(after("() => 1, 2"), "3:10", "two arguments"),
    BadWorkflow(after("() => a < b, c"), "3:14", "two arguments"),
    BadWorkflow(after("function () {}.bind(1)"), "3:15", "something else"),
    BadWorkflow(after("function {}"), "3:10", "parameters"),
    BadWorkflow(after("function () 1"), "3:13", "the body"),
    BadWorkflow(after("this => {}"), "3:1", "not an arrow"),
    BadWorkflow(after("() => a; b"), "3:8", "not an arrow"),
    BadWorkflow(after("(a): => {}"), "3:6", "a type"),
    BadWorkflow(Texts.whole() + ";", "3:1", "after the workflow"),
    BadWorkflow(Texts.whole() + "a", "3:1", "after the workflow"),
    BadWorkflow(Texts.whole() + "export {}", "3:1", "after the workflow"),
    BadWorkflow(Texts.whole() + "import 'fs'", "3:1", "another import"),
    BadWorkflow(after("() => {}).then(1"), "3:10", "after the workflow"),
    BadWorkflow(after("() => {}") + " as any", "3:11", "after the workflow"),
    BadWorkflow(after("() => import('x')"), "3:7", "dynamic import"),
    BadWorkflow(after("() => import /* a */ ( 'x')"), "3:7", "dynamic import"),
    BadWorkflow(after("() => im\\u0070ort('x')"), "3:7", "dynamic import"),
    BadWorkflow(after("() => { if (a) {} /b/; import('x') / 1 }"), "3:24", "dynamic import"),
    BadWorkflow(after("() => { a = {} / 2; import('x') / 1 }"), "3:21", "dynamic import"),
    BadWorkflow(after("() => `${import('x')}`"), "3:10", "dynamic import"),
    BadWorkflow(after("() => [...import('x')]"), "3:11", "dynamic import"),
    BadWorkflow(after("() => { import.meta.url }"), "3:9", "import.meta"),
    BadWorkflow(after("() => { import\n.meta }"), "3:9", "import.meta"),
    BadWorkflow(after("() => { import.defer('x') }"), "3:9", "import.meta"),
    BadWorkflow(after("(a: import('x').Y) => {}"), "3:5", "dynamic import"),
    BadWorkflow(after("() => { let a: typeof import('x') }"), "3:23", "dynamic import"),
    BadWorkflow(after("() => { import a from 'x' }"), "3:9", "another import"),
    BadWorkflow(after("() => '"), "3:7", "unterminated string"),
    BadWorkflow(after("(😀"), "3:2", "character that no token"),
    BadWorkflow(after("'😀', import('x')"), "3:7", "dynamic import"),
  ]

  @Test("the callback and what follows", arguments: tails)
  func tail(bad: BadWorkflow) { bad.check() }

  @Test("bytes that are refused before they are read")
  func bytes() {
    func message(_ bytes: [UInt8]) -> String? {
      do {
        _ = try WorkflowDocument.read(text: bytes, file: "a\u{202E}\u{1B}.ts")
        return nil
      } catch { return (error as? FlowdexError)?.message }
    }
    let good = Array(WorkflowTexts.whole().utf8)
    let name = "a\\u202e\\u001b.ts"
    #expect(
      message([0xEF, 0xBB, 0xBF] + good)?.hasPrefix("\(name):1:1: file begins with a byte order mark") == true
    )
    #expect(message([0xFF, 0xFE] + good)?.hasPrefix("\(name):1:1: file is not UTF-8") == true)
    #expect(
      message(Array("#!/usr/bin/env deno\n".utf8) + good)?.hasPrefix("\(name):1:1: file begins with `#!`")
        == true)
    #expect(message(good + [0xC3])?.hasPrefix("\(name):3:1: text is not UTF-8") == true)
    #expect(
      message(Array("// é\n//".utf8) + [0xED, 0xA0, 0x80])?.hasPrefix("\(name):2:3: text is not UTF-8")
        == true)
    let room = SourceText.limitBytes - good.count
    #expect(message(good + [UInt8](repeating: 0x20, count: room)) == nil)
    let large = message(good + [UInt8](repeating: 0x20, count: room + 1))
    #expect(large?.hasPrefix("\(name):1:1: file is larger than 5 MiB") == true)
    #expect(message(good + [UInt8](repeating: 0x28, count: room))?.contains("too deep") == true)
  }
}

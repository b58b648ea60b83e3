import QueueRunner
import Testing

/// Every keyword by a few values, with the places that problems must name.
@Suite("JSON Schema: keyword by keyword")
struct SchemaRuleTests {
  @Test("booleans and scalars", arguments: scalars)
  func scalar(one: SchemaCase) throws { try one.check() }

  @Test("objects", arguments: objects)
  func object(one: SchemaCase) throws { try one.check() }

  @Test("arrays", arguments: arrays)
  func array(one: SchemaCase) throws { try one.check() }

  @Test("schemas together", arguments: combined)
  func combination(one: SchemaCase) throws { try one.check() }

  @Test("references", arguments: references)
  func reference(one: SchemaCase) throws { try one.check() }

  private static let scalars = [
    SchemaCase("true", "1"), SchemaCase("false", "1", " <- "), SchemaCase("{}", "null"),
    SchemaCase(#"{"type":"integer"}"#, "1.0"), SchemaCase(#"{"type":"integer"}"#, "1e300"),
    SchemaCase(#"{"type":"integer"}"#, "1.5", " <- /type"), SchemaCase(#"{"type":"number"}"#, "1"),
    SchemaCase(#"{"type":["string","null"]}"#, "null"),
    SchemaCase(#"{"type":["string","null"]}"#, "true", " <- /type"),
    SchemaCase(#"{"const":{"a":[1,"é"]}}"#, #"{"a":[1.0,"\u00e9"]}"#),
    SchemaCase(#"{"const":"é"}"#, #""e\u0301""#, " <- /const"),
    SchemaCase(#"{"const":false}"#, "0", " <- /const"),
    SchemaCase(#"{"enum":[1,"a",null,[]]}"#, "1.0"), SchemaCase(#"{"enum":[1,"a",null,[]]}"#, "[]"),
    SchemaCase(#"{"enum":[1,"a",null,[]]}"#, "[[]]", " <- /enum"),
    SchemaCase(#"{"enum":["1"]}"#, "1", " <- /enum"),
    SchemaCase(#"{"enum":[]}"#, "1", " <- /enum"),
    SchemaCase(#"{"multipleOf":0.01}"#, "19.99"),
    SchemaCase(#"{"multipleOf":0.1}"#, "0.35", " <- /multipleOf"),
    SchemaCase(#"{"multipleOf":1e-300}"#, "1e300"),
    SchemaCase(#"{"multipleOf":7}"#, "1e22", " <- /multipleOf"),
    SchemaCase(#"{"multipleOf":3}"#, "-9"), SchemaCase(#"{"multipleOf":1e300}"#, "0"),
    SchemaCase(#"{"multipleOf":5e-324}"#, "1.7976931348623157e308"),
    SchemaCase(#"{"minimum":1,"maximum":2}"#, "1"),
    SchemaCase(#"{"minimum":1,"maximum":2}"#, "0", " <- /minimum"),
    SchemaCase(#"{"exclusiveMinimum":1,"exclusiveMaximum":2}"#, "1", " <- /exclusiveMinimum"),
    SchemaCase(#"{"exclusiveMinimum":1,"exclusiveMaximum":2}"#, "2", " <- /exclusiveMaximum"),
    SchemaCase(#"{"minimum":3,"multipleOf":2}"#, "1", " <- /multipleOf", " <- /minimum"),
    SchemaCase(#"{"minLength":2,"maxLength":2}"#, #""😀é""#),
    SchemaCase(#"{"maxLength":1}"#, #""e\u0301""#, " <- /maxLength"),
    SchemaCase(#"{"minLength":2}"#, #""😀""#, " <- /minLength"), SchemaCase(#"{"minLength":2}"#, "1"),
    SchemaCase(#"{"maxLength":1e300}"#, #""a""#),
    SchemaCase(#"{"minLength":1e300}"#, #""a""#, " <- /minLength"),
    SchemaCase(#"{"pattern":"b+"}"#, #""abc""#), SchemaCase(#"{"pattern":"^b"}"#, #""abc""#, " <- /pattern"),
    SchemaCase(#"{"format":"email","contentEncoding":"base64","unheardOf":{"type":7}}"#, #""!""#),
  ]

  private static let objects = [
    SchemaCase(#"{"required":["a","b"]}"#, #"{"a":1,"b":null}"#),
    SchemaCase(#"{"required":["a","b"]}"#, #"{"a":1}"#, " <- /required"),
    SchemaCase(#"{"required":["a"]}"#, "[]"),
    SchemaCase(#"{"minProperties":1,"maxProperties":1}"#, "{}", " <- /minProperties"),
    SchemaCase(#"{"minProperties":1,"maxProperties":1}"#, #"{"a":1,"b":2}"#, " <- /maxProperties"),
    SchemaCase(
      #"{"properties":{"a":{"type":"string"},"b~/":{"type":"null"}}}"#, #"{"b~/":1,"a":2,"c":3}"#,
      "/b~0~1 <- /properties/b~0~1/type", "/a <- /properties/a/type"),
    SchemaCase(
      #"{"properties":{"a":true},"patternProperties":{"^x":{"type":"null"},"y$":false},"additionalProperties":false}"#,
      #"{"a":1,"x":null,"xy":1,"b":2}"#, "/xy <- /patternProperties/^x/type", "/xy <- /patternProperties/y$",
      "/b <- /additionalProperties"),
    SchemaCase(
      #"{"additionalProperties":{"type":"number"}}"#, #"{"a":1,"b":"2"}"#, "/b <- /additionalProperties/type"),
    SchemaCase(#"{"propertyNames":{"maxLength":1}}"#, #"{"a":1,"bc":2}"#, " <- /propertyNames/maxLength"),
    SchemaCase(#"{"propertyNames":false}"#, "{}"),
    SchemaCase(#"{"propertyNames":false}"#, #"{"a":1}"#, " <- /propertyNames"),
    SchemaCase(#"{"dependentRequired":{"a":["b"]}}"#, #"{"b":1}"#),
    SchemaCase(#"{"dependentRequired":{"a":["b"]}}"#, #"{"a":1}"#, " <- /dependentRequired"),
    SchemaCase(
      #"{"dependentSchemas":{"a":{"minProperties":2}}}"#, #"{"a":1}"#, " <- /dependentSchemas/a/minProperties"
    ),
    SchemaCase(#"{"dependentSchemas":{"a":{"minProperties":2}}}"#, #"{"b":1}"#),
    SchemaCase(
      #"{"allOf":[{"properties":{"a":true}}],"unevaluatedProperties":false}"#, #"{"a":1,"b":2}"#,
      "/b <- /unevaluatedProperties"),
    SchemaCase(
      #"{"anyOf":[{"properties":{"a":{"const":1}},"required":["a"]},{"properties":{"b":true}}],"unevaluatedProperties":false}"#,
      #"{"a":2,"b":2}"#, "/a <- /unevaluatedProperties"),
    SchemaCase(
      #"{"if":{"required":["a"],"properties":{"a":true}},"else":{"properties":{"b":true}},"unevaluatedProperties":{"type":"null"}}"#,
      #"{"b":1,"c":2,"d":null}"#, "/c <- /unevaluatedProperties/type"),
    SchemaCase(
      #"{"allOf":[{"properties":{"a":{"type":"null"}}}],"unevaluatedProperties":false}"#, #"{"a":1}"#,
      "/a <- /allOf/0/properties/a/type"),
  ]

  private static let arrays = [
    SchemaCase(#"{"minItems":1,"maxItems":2}"#, "[]", " <- /minItems"),
    SchemaCase(#"{"minItems":1,"maxItems":2}"#, "[1,2,3]", " <- /maxItems"),
    SchemaCase(#"{"uniqueItems":true}"#, #"[1,true,"1",[1],{"a":1},null,0,false,""]"#),
    SchemaCase(#"{"uniqueItems":true}"#, #"[{"a":1,"b":2},{"b":2,"a":1.0}]"#, " <- /uniqueItems"),
    SchemaCase(#"{"uniqueItems":true}"#, "[0,-0]", " <- /uniqueItems"),
    SchemaCase(#"{"uniqueItems":false}"#, "[1,1]"),
    SchemaCase(#"{"items":{"type":"string"}}"#, #"["a",1,"b",2]"#, "/1 <- /items/type", "/3 <- /items/type"),
    SchemaCase(
      #"{"prefixItems":[{"type":"null"},true],"items":false}"#, "[1,2,3]", "/0 <- /prefixItems/0/type",
      "/2 <- /items"),
    SchemaCase(#"{"contains":{"type":"null"}}"#, "[1,null]"),
    SchemaCase(#"{"contains":true}"#, "[]", " <- /contains"),
    SchemaCase(#"{"contains":{"type":"null"},"minContains":2}"#, "[null]", " <- /minContains"),
    SchemaCase(#"{"contains":{"type":"null"},"maxContains":1}"#, "[null,null]", " <- /maxContains"),
    SchemaCase(#"{"contains":false,"minContains":0}"#, "[1]"), SchemaCase(#"{"maxContains":0}"#, "[1]"),
    SchemaCase(#"{"contains":true}"#, "{}"),
    SchemaCase(
      #"{"prefixItems":[true],"contains":{"type":"null"},"unevaluatedItems":false}"#, "[1,null,2]",
      "/2 <- /unevaluatedItems"),
    SchemaCase(
      #"{"oneOf":[{"prefixItems":[{"const":1}]},{"prefixItems":[{"const":2},true]}],"unevaluatedItems":{"type":"null"}}"#,
      "[2,3,4,null]", "/2 <- /unevaluatedItems/type"),
  ]

  private static let combined = [
    SchemaCase(
      #"{"allOf":[{"minimum":1},{"multipleOf":2}]}"#, "-1", " <- /allOf/0/minimum", " <- /allOf/1/multipleOf"),
    SchemaCase(#"{"anyOf":[{"type":"null"},{"minimum":1}]}"#, "1"),
    SchemaCase(#"{"anyOf":[{"type":"null"},{"minimum":1}]}"#, "0", " <- /anyOf"),
    SchemaCase(#"{"oneOf":[{"maximum":3},{"minimum":1}]}"#, "0"),
    SchemaCase(#"{"oneOf":[{"maximum":3},{"minimum":1}]}"#, "2", " <- /oneOf"),
    SchemaCase(#"{"oneOf":[{"type":"null"},{"type":"string"}]}"#, "2", " <- /oneOf"),
    SchemaCase(#"{"not":{"type":"null"}}"#, "1"), SchemaCase(#"{"not":{}}"#, "1", " <- /not"),
    SchemaCase(#"{"if":{"minimum":5},"then":{"multipleOf":2},"else":{"multipleOf":3}}"#, "6"),
    SchemaCase(
      #"{"if":{"minimum":5},"then":{"multipleOf":2},"else":{"multipleOf":3}}"#, "7", " <- /then/multipleOf"),
    SchemaCase(
      #"{"if":{"minimum":5},"then":{"multipleOf":2},"else":{"multipleOf":3}}"#, "4", " <- /else/multipleOf"),
    SchemaCase(#"{"then":false,"else":false}"#, "4"),
  ]

  private static let references = [
    SchemaCase(##"{"$defs":{"a":{"type":"null"}},"$ref":"#/$defs/a"}"##, "1", " <- /$defs/a/type"),
    SchemaCase(
      ##"{"definitions":{"a":{"$anchor":"x","type":"null"}},"items":{"$ref":"#x"}}"##, "[1]",
      "/0 <- /definitions/a/type"),
    SchemaCase(
      ##"{"other":{"a b":[0,{"type":"null"}]},"$ref":"#/other/a%20b/1"}"##, "1", " <- /other/a b/1/type"),
    SchemaCase(
      ##"{"$ref":"#/other/a","other":{"a":{"$ref":"#late"},"b":{"$anchor":"late","type":"null"}},"not":{"$ref":"#/other/b"}}"##,
      "1", " <- /other/b/type"),
    SchemaCase(
      ##"{"$id":"https://example.org/a/b","$defs":{"x":{"$id":"../c?d","$defs":{"y":{"type":"null"}}}},"$ref":"/c?d#/$defs/y"}"##,
      "1", " <- /$defs/x/$defs/y/type"),
    SchemaCase(
      ##"{"properties":{"a":{"$ref":"#"}},"additionalProperties":false}"##, ##"{"a":{"a":{"b":1}}}"##,
      "/a/a/b <- /additionalProperties"),
    SchemaCase(
      ##"{"$id":"t","$dynamicAnchor":"n","$ref":"l","type":["array","null"],"$defs":{"l":{"$id":"l","$dynamicAnchor":"n","items":{"$dynamicRef":"#n"}}}}"##,
      "[[null,[1]]]", "/0/1/0 <- /type"),
    SchemaCase(
      ##"{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"urn:a:b","$ref":"urn:a:b#/$defs/","$defs":{"":false}}"##,
      "1", " <- /$defs/"),
  ]
}
